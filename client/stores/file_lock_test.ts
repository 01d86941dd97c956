import { assertEquals } from "@std/assert";
import { escapeKey } from "./escape_key.ts";
import { fileStore } from "./file_store.ts";

/** A folder for a tool, not made yet, in one that is removed afterwards. */
async function createFolder() {
  const parent = await Deno.makeTempDir();
  return {
    folder: `${parent}/config/tool`,
    lock: `${parent}/config/tool/a.token.lock`,
    [Symbol.asyncDispose]: () => Deno.remove(parent, { recursive: true }),
  };
}

const listNames = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted();

/** Makes a lock file as a process leaves it. */
async function leaveLock(path: string, { pid, ageMs }: { pid: number; ageMs: number }): Promise<void> {
  await Deno.writeTextFile(path, `${pid} its-ticket`, { mode: 0o600 });
  const at = new Date(((await Deno.stat(path)).mtime?.getTime() ?? 0) - ageMs);
  await Deno.utime(path, at, at);
}

Deno.test("a lock of a process that is dead is passed over", async () => {
  await using made = await createFolder();
  const store = fileStore(made.folder);
  await store.set("a", "x");
  const child = new Deno.Command("true").spawn();
  await child.status;
  await leaveLock(made.lock, { pid: child.pid, ageMs: 0 });
  assertEquals(await store.lock?.("a", 5_000, (held) => Promise.resolve(held)), true);
  assertEquals(listNames(made.folder), ["a.token"]);
});

Deno.test("a lock of a living process is passed over when it is 15 seconds old, or from the future", async () => {
  await using made = await createFolder();
  const store = fileStore(made.folder);
  await store.set("a", "x");
  for (const ageMs of [16_000, -60_000]) {
    await leaveLock(made.lock, { pid: Deno.pid, ageMs });
    assertEquals(await store.lock?.("a", 5_000, (held) => Promise.resolve(held)), true);
  }
});

Deno.test("a lock of a living process that is younger is respected, and so is one that cannot be read", async () => {
  await using made = await createFolder();
  const store = fileStore(made.folder);
  await store.set("a", "x");
  await leaveLock(made.lock, { pid: Deno.pid, ageMs: 10_000 });
  assertEquals(await store.lock?.("a", 50, (held) => Promise.resolve(held)), false);
  await Deno.writeTextFile(made.lock, "");
  assertEquals(await store.lock?.("a", 50, (held) => Promise.resolve(held)), false);
  assertEquals(listNames(made.folder), ["a.token", "a.token.lock"]);
});

Deno.test("who held a lock for too long does not release the one of whoever came after", async () => {
  await using made = await createFolder();
  const store = fileStore(made.folder);
  await store.set("a", "x");
  await store.lock?.("a", 1_000, async () => {
    await leaveLock(made.lock, { pid: Deno.pid, ageMs: 0 });
  });
  assertEquals(await Deno.readTextFile(made.lock), `${Deno.pid} its-ticket`);
});

Deno.test("a stale lock that somebody is removing already is left to them", async () => {
  await using made = await createFolder();
  const store = fileStore(made.folder);
  await store.set("a", "x");
  await leaveLock(made.lock, { pid: Deno.pid, ageMs: 16_000 });
  await Deno.writeTextFile(`${made.lock}.${escapeKey(`${Deno.pid} its-ticket`)}.tmp`, "");
  assertEquals(await store.lock?.("a", 50, (held) => Promise.resolve(held)), false);
  assertEquals(await Deno.readTextFile(made.lock), `${Deno.pid} its-ticket`);
});

Deno.test("a stale lock that many find at once is taken by one after the other", async () => {
  await using made = await createFolder();
  await fileStore(made.folder).set("a", "x");
  for (let round = 0; round < 10; round++) {
    await leaveLock(made.lock, { pid: Deno.pid, ageMs: 16_000 });
    let inside = 0;
    const seen = await Promise.all(
      Array.from({ length: 8 }, () =>
        fileStore(made.folder).lock?.("a", 20_000, async (held) => {
          const others = inside++;
          await new Promise((resolve) => setTimeout(resolve, 2));
          inside--;
          return [held, others];
        })),
    );
    assertEquals(seen, Array.from({ length: 8 }, () => [true, 0]));
  }
});
