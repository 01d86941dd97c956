import { assertEquals, assertMatch } from "@std/assert";
import { callService, signUp } from "../kit/service_calls.ts";
import { makeFolder, projectFolder, runDeno, startService } from "../kit/service_process.ts";

const isRoot = Deno.uid() === 0;
const NOBODY = 65_534;

/** A copy of the source that a test may change; the installed packages are shared. */
async function copySource(to: string): Promise<void> {
  const parts = ["deno.json", "deno.lock", "server", "shared", "client", "migrations"];
  await new Deno.Command("cp", { args: ["-r", ...parts.map((part) => `${projectFolder}${part}`), to] })
    .output();
  await Deno.symlink(`${projectFolder}node_modules`, `${to}/node_modules`);
}

Deno.test("dev: a change restarts the service and keeps the data, and a broken one waits for its repair", async () => {
  await using folder = await makeFolder();
  await copySource(folder.path);
  const file = `${folder.path}/shared/limits.ts`;
  const source = await Deno.readTextFile(file);
  const env = { DATA_DIR: `${folder.path}/data`, ISSUER: "http://watchword.test" };
  await using service = await startService({ env, cwd: folder.path });
  const { accessToken } = await signUp(service.origin);

  await Deno.writeTextFile(file, source.replace("BATCH_MAX_CALLS = 10", "BATCH_MAX_CALLS = 1"));
  await service.printed("listening on ", 2);
  assertEquals((await callService(service.origin, "auth.me", { bearer: accessToken })).status, 200);
  const pair = await callService(service.origin, "auth.me,auth.me?batch=1", { bearer: accessToken });
  assertEquals(pair.status, 400);

  await Deno.writeTextFile(file, "this is no TypeScript");
  await service.printed("the service ended");
  await Deno.writeTextFile(file, source);
  await service.printed("listening on ", 3);
  assertEquals((await callService(service.origin, "auth.me", { bearer: accessToken })).status, 200);
  assertEquals((await service.end("SIGTERM")).code, 0);
});

async function canNobodyRun(command: string, ...args: string[]): Promise<boolean> {
  const child = new Deno.Command(command, { args, uid: NOBODY, gid: NOBODY, stdout: "null", stderr: "null" });
  return await child.output().then(({ success }) => success, () => false);
}

/** Whether somebody else could run from here at all: Deno and the project may be in a folder of root's own. */
const canNobodyRunUs = async () =>
  await canNobodyRun("ls", projectFolder) && await canNobodyRun(Deno.execPath(), "--version");

Deno.test("dev: an ordinary user can run it", async () => {
  await using folder = await makeFolder();
  const asUser = isRoot && await canNobodyRunUs() ? { uid: NOBODY, gid: NOBODY } : {};
  if (asUser.uid !== undefined) await Deno.chown(folder.path, NOBODY, NOBODY);
  const env = { DATA_DIR: `${folder.path}/data`, HOME: folder.path, DENO_DIR: `${folder.path}/cache` };
  await using service = await startService({ env, ...asUser });
  await signUp(service.origin);
  assertEquals((await Deno.stat(`${folder.path}/data/postgres`)).uid, asUser.uid ?? Deno.uid());
});

Deno.test("dev: a DATA_DIR in a folder that is closed to others works, for root too", async () => {
  await using folder = await makeFolder();
  await Deno.chmod(folder.path, 0o700);
  await using service = await startService({ env: { DATA_DIR: `${folder.path}/data` } });
  await signUp(service.origin);
});

Deno.test("dev: where the database cannot be run, one line says why and what to do", async () => {
  await using folder = await makeFolder();
  const dataDir = `${folder.path}/data`;
  await Deno.mkdir(`${folder.path}/bin`);
  await Deno.symlink("/usr/bin/id", `${folder.path}/bin/id`);
  // Root is stopped by the closed folder, without the tool that would let the database pass; a user by the mode.
  await Deno.chmod(folder.path, isRoot ? 0o700 : 0o500);
  const { code, stdout } = await runDeno({
    args: ["run", "-A", "server/dev.ts"],
    env: { DATA_DIR: dataDir, PORT: "0", PATH: `${folder.path}/bin` },
  });
  await Deno.chmod(folder.path, 0o700);
  assertEquals(code, 1);
  assertMatch(
    stdout,
    isRoot ? /^watchword: .* cannot reach .* DATABASE_URL\n$/ : /^watchword: .* DATA_DIR .*\n$/,
  );
});
