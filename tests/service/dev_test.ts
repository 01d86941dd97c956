import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import postgres from "postgres";
import { password, testSecret } from "../kit/app.ts";
import { createTestDatabase } from "../kit/database.ts";
import { callService, signUp } from "../kit/service_calls.ts";
import { makeFolder, runDeno, startService } from "../kit/service_process.ts";

const ISSUER = "http://watchword.test";
const devArgs = ["run", "-A", "server/dev.ts"];

async function readPostmasterPid(dataDir: string): Promise<number> {
  return Number((await Deno.readTextFile(`${dataDir}/postgres/postmaster.pid`)).split("\n")[0]);
}

async function findPostgres(dataDir: string): Promise<number[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-eo", "pid=,args="] }).output();
  return new TextDecoder().decode(stdout).split("\n")
    .filter((line) => line.includes(`-D ${dataDir}/postgres`)).map((line) => parseInt(line));
}

Deno.test("dev: a kill -9 between a login and the next call loses nothing, and leaves one database running", async () => {
  await using folder = await makeFolder();
  const env = { DATA_DIR: folder.path, ISSUER };
  await using first = await startService({ env });
  const { accessToken, refreshToken } = await signUp(first.origin);
  const orphan = await readPostmasterPid(folder.path);
  await first.end("SIGKILL");
  await using second = await startService({ env });
  assertEquals((await callService(second.origin, "auth.me", { bearer: accessToken })).status, 200);
  assertEquals((await callService(second.origin, "auth.refresh", { body: { refreshToken } })).status, 200);
  const running = await findPostgres(folder.path);
  assertEquals(running.length, 1);
  assert(!running.includes(orphan));
});

Deno.test("dev: a second start on the same DATA_DIR is refused in one line", async () => {
  await using folder = await makeFolder();
  const env = { DATA_DIR: folder.path };
  await using first = await startService({ env });
  const second = await runDeno({ args: devArgs, env: { ...env, PORT: "0" } });
  assertEquals({ code: second.code, output: second.output }, {
    code: 1,
    output:
      `watchword: ${folder.path} is in use by another running instance; stop it, or set DATA_DIR to another folder\n`,
  });
  assertEquals((await callService(first.origin, "/health/ready")).status, 200);
});

Deno.test("dev: a DATA_DIR that can be no folder is refused in one line", async () => {
  await using folder = await makeFolder();
  await Deno.writeTextFile(`${folder.path}/file`, "");
  for (const DATA_DIR of [`${folder.path}/file`, `${folder.path}/file/inside`]) {
    const { code, stdout } = await runDeno({ args: devArgs, env: { DATA_DIR, PORT: "0" } });
    assertEquals(code, 1);
    assertMatch(stdout, /^watchword: the folder of DATA_DIR cannot be made \(\w+\)\n$/);
  }
});

Deno.test("dev: the database asks for a password, listens on loopback only, and its secrets are the owner's", async () => {
  await using folder = await makeFolder();
  await using _service = await startService({ env: { DATA_DIR: folder.path } });
  for (const name of ["lock", "postgres_password", "key_encryption_secret"]) {
    assertEquals([name, (await Deno.stat(`${folder.path}/${name}`)).mode! & 0o777], [name, 0o600]);
  }
  assertEquals((await Deno.stat(`${folder.path}/postgres`)).mode! & 0o777, 0o700);
  const port = (await Deno.readTextFile(`${folder.path}/postgres/postmaster.pid`)).split("\n")[3];
  const secret = await Deno.readTextFile(`${folder.path}/postgres_password`);
  const open = (key: string) =>
    postgres(`postgres://watchword:${key}@127.0.0.1:${port}/watchword`, { max: 1 });
  await using inside = { sql: open(secret), [Symbol.asyncDispose]: () => inside.sql.end() };
  const [settings] = await inside.sql`
    select current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets`;
  assertEquals({ ...settings }, { addresses: "127.0.0.1", sockets: "" });
  const stranger = open("wrong");
  const refusal = await stranger`select 1`.then(() => "let in", (error) => error.code);
  await stranger.end();
  assertEquals(refusal, "28P01");
});

Deno.test("dev: a database that was half made when it was killed is made again", async () => {
  await using folder = await makeFolder();
  await Deno.mkdir(`${folder.path}/postgres.new/base`, { recursive: true });
  await Deno.writeTextFile(`${folder.path}/postgres.new/PG_VERSION`, "18");
  await using service = await startService({ env: { DATA_DIR: folder.path } });
  await signUp(service.origin);
  assertEquals(await Deno.stat(`${folder.path}/postgres.new`).catch(() => "gone"), "gone");
});

Deno.test("dev: SIGTERM under load finishes what is under way, exits 0 and leaves no database running", async () => {
  await using folder = await makeFolder();
  await using service = await startService({
    args: ["task", "dev"],
    env: { DATA_DIR: folder.path, RATE_LIMITS: "off" },
  });
  const username = (await signUp(service.origin)).username;
  const body = { identifier: username, password };
  const logins = Array.from({ length: 12 }, () => callService(service.origin, "auth.login", { body }));
  await Promise.race(logins);
  const ended = service.end("SIGTERM");
  assertEquals((await Promise.all(logins)).map((login) => login.status), Array(12).fill(200));
  assertEquals((await ended).code, 0);
  assertEquals(await findPostgres(folder.path), []);
});

Deno.test("dev: with DATABASE_URL and a secret, DATA_DIR is not touched, and a logout is refused by the next process", async () => {
  await using folder = await makeFolder();
  await using database = await createTestDatabase();
  const dataDir = `${folder.path}/none`;
  const env = { DATABASE_URL: database.url, KEY_ENCRYPTION_SECRET: testSecret, DATA_DIR: dataDir, ISSUER };
  await using one = await startService({ env });
  await using other = await startService({ env });
  const { accessToken } = await signUp(one.origin);
  assertEquals((await callService(other.origin, "auth.me", { bearer: accessToken })).status, 200);
  await callService(one.origin, "auth.logout", { bearer: accessToken, body: {} });
  const refused = await callService(other.origin, "auth.me", { bearer: accessToken });
  assertEquals([refused.status, refused.reason], [401, "SESSION_REVOKED"]);
  assertEquals(await Deno.stat(dataDir).catch(() => "not there"), "not there");
});

Deno.test("dev: with DATABASE_URL alone, two processes share the secret in DATA_DIR, which is not locked", async () => {
  await using folder = await makeFolder();
  await using database = await createTestDatabase();
  const env = { DATABASE_URL: database.url, DATA_DIR: folder.path, ISSUER };
  await using one = await startService({ env });
  await using other = await startService({ env });
  const { accessToken } = await signUp(one.origin);
  assertEquals((await callService(other.origin, "auth.me", { bearer: accessToken })).status, 200);
  assertEquals(Array.from(Deno.readDirSync(folder.path), (entry) => entry.name), ["key_encryption_secret"]);
});

Deno.test("dev: a broken setting is named, and nothing is started", async () => {
  await using folder = await makeFolder();
  const dataDir = `${folder.path}/none`;
  const { code, output } = await runDeno({
    args: devArgs,
    env: { DATA_DIR: dataDir, PORT: "no", RATE_LIMITS: "maybe" },
  });
  assertEquals(code, 1);
  assertMatch(output, /PORT: .*\n.*RATE_LIMITS: /);
  assertEquals(await Deno.stat(dataDir).catch(() => "not there"), "not there");
});

Deno.test("dev: a port that is taken ends the start with one line, and the database with it", async () => {
  await using folder = await makeFolder();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const env = { DATA_DIR: folder.path, PORT: String(taken.addr.port) };
  const { code, output } = await runDeno({ args: devArgs, env });
  assertEquals(code, 1);
  assertStringIncludes(output, "in use");
  assertEquals(await findPostgres(folder.path), []);
});
