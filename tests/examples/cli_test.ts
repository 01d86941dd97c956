import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeFolder, projectFolder } from "../kit/service_process.ts";
import { password, registerUser, startTestApp, type TestApp } from "../kit/app.ts";

const flags = ["--allow-net", "--allow-env", "--allow-sys", "--allow-read", "--allow-write"];
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

interface Setting {
  app: TestApp;
  folder: string;
}

function spawn(command: string, args: string[], { app, folder }: Setting): Deno.ChildProcess {
  return new Deno.Command(command, {
    args,
    cwd: projectFolder,
    env: { API_URL: `${app.origin}/trpc`, CLI_DIR: folder, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

const cliArgs = (
  words: string[],
) => ["run", "--no-prompt", "--no-check", ...flags, "examples/cli/main.ts", ...words];

/** Runs the tool, with what is piped into it. */
async function run(words: string[], setting: Setting & { input?: string }) {
  const child = spawn(Deno.execPath(), cliArgs(words), setting);
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(setting.input ?? ""));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  return { code, out: decode(stdout).trim(), said: decode(stderr).trim() };
}

/** Runs a command on a terminal of its own and answers the first question. @returns all that the terminal showed */
async function runOnTerminal(command: string, { question, answer, ...setting }: Setting & {
  question: string;
  answer: string;
}): Promise<string> {
  const child = spawn("script", ["-qec", command, "/dev/null"], setting);
  const writer = child.stdin.getWriter();
  let shown = "";
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    const isAsked = !shown.includes(question) && (shown + piece).includes(question);
    shown += piece;
    if (isAsked) await writer.write(new TextEncoder().encode(answer));
  }
  await writer.close().catch(() => {});
  await child.stderr.cancel();
  await child.status;
  return shown;
}

async function startScene() {
  const app = await startTestApp();
  const folder = await makeFolder();
  const { username } = await registerUser(app, "ada");
  return {
    app,
    folder: `${folder.path}/tokens`,
    username,
    async [Symbol.asyncDispose]() {
      await folder[Symbol.asyncDispose]();
      await app[Symbol.asyncDispose]();
    },
  };
}

async function listStored(folder: string) {
  const files = await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
  return await Promise.all(
    files.map(async ({ name }) => ({
      mode: (await Deno.stat(`${folder}/${name}`)).mode ?? 0,
      record: JSON.parse(await Deno.readTextFile(`${folder}/${name}`)),
    })),
  );
}

Deno.test("examples/cli: a session outlives the process that signed in, in a file that is the user's alone, until logout", async () => {
  await using scene = await startScene();
  const login = await run(["login", "ada"], { ...scene, input: `${password}\n` });
  assertEquals([login.code, login.out], [0, "Signed in as ada."], login.said);
  const [stored, ...more] = await listStored(scene.folder);
  assertEquals([(stored?.mode ?? 0) & 0o777, more], [0o600, []]);
  assertMatch((await run(["whoami"], scene)).out, /^ada, signed in since \d{4}-/);

  assertEquals((await run(["logout"], scene)).out, "Signed out.");
  const left = (await listStored(scene.folder)).map(({ record }) => record);
  assertEquals(
    left.map(({ user, accessToken, refreshToken }) => [user, accessToken, refreshToken]),
    [[null, "", ""]],
  );
  const after = await run(["whoami"], scene);
  assertEquals([after.code, after.said], [1, "You are not signed in. Run: login <name>"]);
  const [session] = await scene.app.database
    .sql`select revoke_reason from sessions order by created_at desc limit 1`;
  assert(session?.["revoke_reason"]);
});

Deno.test("examples/cli: a password typed at a terminal is not shown", async () => {
  await using scene = await startScene();
  const asked = { ...scene, answer: `${password}\n` };
  // A terminal that shows what is typed, unless a program asks it not to.
  const echoed = await runOnTerminal(`printf 'Password: '; read line`, { ...asked, question: "Password: " });
  assert(echoed.includes(password), echoed);
  const command = ["deno", ...cliArgs(["login", "ada"])].join(" ");
  const shown = await runOnTerminal(command, { ...asked, question: "Password: " });
  assert(shown.includes("Signed in as ada."), shown);
  assert(!shown.includes(password), shown);
});

Deno.test("examples/cli: Ctrl-C at the question ends it, and nothing is stored", async () => {
  await using scene = await startScene();
  const command = ["deno", ...cliArgs(["login", "ada"])].join(" ");
  const shown = await runOnTerminal(command, { ...scene, question: "Password: ", answer: "correct\u0003" });
  assert(shown.includes("No password was given."), shown);
  assertEquals(await listStored(scene.folder), []);
});

Deno.test("examples/cli: a refused sign-in is told by its reason, and nothing is stored", async () => {
  await using scene = await startScene();
  const login = await run(["login", "ada"], { ...scene, input: "not the password\n" });
  assertEquals([login.code, login.out], [1, ""]);
  assertMatch(login.said, /do not belong together/);
  assertEquals(await listStored(scene.folder), []);
  const words = await run(["help"], scene);
  assertEquals([words.code, words.said], [1, "Commands: login, whoami, logout"]);
});

Deno.test("examples/cli: a folder that others may write to is not used, and the user is told", async () => {
  await using scene = await startScene();
  await Deno.mkdir(scene.folder);
  await Deno.chmod(scene.folder, 0o777);
  const login = await run(["login", "ada"], { ...scene, input: `${password}\n` });
  assertEquals([login.code, /has to be yours alone/.test(login.said)], [1, true], login.said);
  assertEquals(await listStored(scene.folder), []);
});

Deno.test("examples/cli: processes that renew the session at the same time do not sign each other out", async () => {
  await using scene = await startScene();
  await run(["login", "ada"], { ...scene, input: `${password}\n` });
  await scene.app.advance(3_600);
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => run(["whoami"], scene)));
  assertEquals(
    outcomes.map(({ code, said }) => ({ code, said })),
    outcomes.map(() => ({ code: 0, said: "" })),
  );
  const [session] = await scene.app.database
    .sql`select generation, revoked_at from sessions order by created_at desc limit 1`;
  assertEquals([session?.["generation"], session?.["revoked_at"]], [1, null]);
  assertEquals((await run(["whoami"], scene)).code, 0);
});

Deno.test("examples/cli: a token is shown to no other service than the one that gave it", async () => {
  await using scene = await startScene();
  await run(["login", "ada"], { ...scene, input: `${password}\n` });
  const seen: (string | null)[] = [];
  const other = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ headers }) => {
    seen.push(headers.get("authorization"));
    return new Response();
  });
  const elsewhere = { ...scene, app: { ...scene.app, origin: `http://127.0.0.1:${other.addr.port}` } };
  const { code, said } = await run(["whoami"], elsewhere);
  await other.shutdown();
  assertEquals([code, said, seen], [1, "You are not signed in. Run: login <name>", []]);
});
