import { assert, assertEquals } from "@std/assert";
import { fileStore } from "./file_store.ts";

const storeModule = import.meta.resolve("./file_store.ts");

/** Another process with `store` over the same folder, that runs a script. */
async function startProcess(folder: string, script: string, flags = ["-A"]): Promise<Deno.ChildProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--no-prompt", ...flags, "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const stdin = child.stdin.getWriter();
  const setup = `import { fileStore } from "${storeModule}"; const store = fileStore("${folder}");`;
  await stdin.write(new TextEncoder().encode(`${setup} const say = (text) => console.log(text);${script}`));
  await stdin.close();
  return child;
}

async function runProcess(folder: string, script: string, flags?: string[]): Promise<string> {
  const child = await startProcess(folder, script, flags);
  const hung = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const { success, stdout } = await child.output();
  clearTimeout(hung);
  assert(success);
  return new TextDecoder().decode(stdout).trim();
}

/** Waits for the first thing that a process says, then kills it as nothing can be caught. */
async function killAfterFirstWord(child: Deno.ChildProcess, { delayMs = 0 } = {}): Promise<void> {
  const reader = child.stdout.getReader();
  assertEquals((await reader.read()).done, false);
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  child.kill("SIGKILL");
  await reader.cancel();
  assertEquals((await child.status).signal, "SIGKILL");
}

async function createFolder() {
  const folder = await Deno.makeTempDir();
  return { folder, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

Deno.test("a process that is killed while it writes leaves the old value or the new one, never half", async () => {
  await using made = await createFolder();
  const store = fileStore(made.folder);
  const whole = ["x".repeat(8_192), "🐎".repeat(2_048)];
  await store.set("a", whole[0] ?? "");
  for (let round = 0; round < 12; round++) {
    const child = await startProcess(
      made.folder,
      `const whole = ["x".repeat(8192), "🐎".repeat(2048)]; await store.set("a", whole[1]); say("writing");
       for (let round = 0;; round++) await store.set("a", whole[round % 2]);`,
    );
    await killAfterFirstWord(child, { delayMs: round });
    assert(whole.includes(await store.get("a") ?? ""));
  }
});

Deno.test("who reads while another process writes gets a whole value every time", async () => {
  await using made = await createFolder();
  const store = fileStore(made.folder);
  await store.set("a", "x".repeat(8_192));
  const writing = runProcess(
    made.folder,
    `for (let round = 0; round < 100; round++) await store.set("a", (round % 2 ? "x" : "y").repeat(8192));
     await store.set("a", "done");`,
  );
  const seen = new Set<string>();
  for (let value = ""; value !== "done";) seen.add(value = await store.get("a") ?? "absent");
  await writing;
  const whole = ["x".repeat(8_192), "y".repeat(8_192), "done"];
  assertEquals([...seen].filter((value) => !whole.includes(value)), []);
});

Deno.test("C-35: processes that take the lock before they change a value lose no change", async () => {
  await using made = await createFolder();
  const script = `
    for (let round = 0; round < 20; round++) {
      await store.lock("a", 60_000, async (held) => {
        if (!held) throw new Error("without the lock");
        await store.set("a", String(Number(await store.get("a") ?? "0") + 1));
      });
    }`;
  await Promise.all([1, 2, 3].map(() => runProcess(made.folder, script)));
  assertEquals(await fileStore(made.folder).get("a"), "60");
});

Deno.test("C-38: a process that is killed while it holds the lock keeps nobody waiting", async () => {
  await using made = await createFolder();
  const child = await startProcess(
    made.folder,
    `await store.lock("a", 1000, () => new Promise((resolve) => { say("held"); setTimeout(resolve, 60_000); }));`,
  );
  await killAfterFirstWord(child);
  const runs = await fileStore(made.folder).lock?.("a", 10_000, (held) => Promise.resolve(held));
  assertEquals(runs, true);
});

Deno.test("C-37: without leave to ask whether the holder lives, a dead one's lock is waited for, then skipped", async () => {
  await using made = await createFolder();
  const child = await startProcess(
    made.folder,
    `await store.lock("a", 1000, () => new Promise((resolve) => { say("held"); setTimeout(resolve, 60_000); }));`,
  );
  await killAfterFirstWord(child);
  const flags = [`--allow-read=${made.folder}`, `--allow-write=${made.folder}`];
  const script = `await store.lock("a", 100, async (held) => say(held));`;
  assertEquals(await runProcess(made.folder, script, flags), "false");
});

Deno.test("in Deno, leave to read and write the folder is all that is asked for", async () => {
  await using made = await createFolder();
  const flags = [`--allow-read=${made.folder}`, `--allow-write=${made.folder}`];
  const said = await runProcess(
    made.folder,
    `await store.lock("a", 1000, async (held) => { say(held); await store.set("a", "x"); });
     say(await store.get("a"));`,
    flags,
  );
  assertEquals(said.split("\n"), ["true", "x"]);
});

Deno.test("C-81: a process that never stopped watching ends by itself", async () => {
  await using made = await createFolder();
  const said = await runProcess(
    made.folder,
    `store.watch("a", () => {}); await store.get("a"); say("done");`,
  );
  assertEquals(said, "done");
});

Deno.test("C-32: a process that watches is told of what another one did", async () => {
  await using made = await createFolder();
  const store = fileStore(made.folder);
  await store.set("a", "x");
  const child = await startProcess(
    made.folder,
    `const stop = store.watch("a", async () => { stop(); say(await store.get("a")); clearTimeout(timer); });
     const timer = setTimeout(() => {}, 60_000);
     await store.get("a"); say("watching");`,
  );
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assertEquals((await reader.read()).value?.trim(), "watching");
  await store.set("a", "y");
  assertEquals((await reader.read()).value?.trim(), "y");
  assert((await child.status).success);
  await reader.cancel();
});
