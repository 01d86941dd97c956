import { assertEquals, assertStringIncludes } from "@std/assert";
import { testSecret } from "../kit/app.ts";
import { createEmptyDatabase } from "../kit/database.ts";
import { callService, signUp } from "../kit/service_calls.ts";
import { runDeno, type ServiceProcess, startService } from "../kit/service_process.ts";

const start = (env: Record<string, string>) =>
  runDeno({ args: ["task", "start"], env: { PORT: "0", ...env } });
const linesOf = (stdout: string) => stdout.trimEnd().split("\n");

Deno.test("start: every fault of the settings is reported at once, and no value with it", async () => {
  const { code, stdout } = await start({
    PORT: "seven",
    RATE_LIMITS: "off",
    KEY_ENCRYPTION_SECRET: "too-short-a-secret",
  });
  assertEquals(code, 1);
  assertEquals(linesOf(stdout), [
    "watchword: the configuration has 4 fault(s):",
    "  PORT: must be a whole number",
    "  KEY_ENCRYPTION_SECRET: must have at least 32 characters",
    "  DATABASE_URL: is required",
    "  RATE_LIMITS: off is for benchmarks; ALLOW_UNSAFE=1 says that you mean it",
  ]);
});

Deno.test("start: without a database and a secret it refuses to run", async () => {
  const { code, stdout } = await start({});
  assertEquals(code, 1);
  assertEquals(linesOf(stdout), [
    "watchword: the configuration has 2 fault(s):",
    "  DATABASE_URL: is required",
    "  KEY_ENCRYPTION_SECRET: is required",
  ]);
});

Deno.test("start: a database out of reach is named in one line", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  taken.close();
  const DATABASE_URL = `postgres://nobody:nothing@127.0.0.1:${port}/none`;
  const { code, stdout } = await start({ DATABASE_URL, KEY_ENCRYPTION_SECRET: testSecret });
  assertEquals(code, 1);
  assertEquals(linesOf(stdout), ["watchword: the database of DATABASE_URL cannot be reached"]);
});

Deno.test("start: a database of nobody is refused in one line: its sandbox lets nobody ask the machine", async () => {
  const DATABASE_URL = "postgres://127.0.0.1:1/none";
  const { code, stdout } = await start({ DATABASE_URL, KEY_ENCRYPTION_SECRET: testSecret });
  assertEquals([code, linesOf(stdout)], [1, [
    "watchword: DATABASE_URL must name its user, as postgres://user@host/database, or PGUSER must",
  ]]);
});

Deno.test("start: pending migrations are named with the command, which makes it serve in its sandbox", async () => {
  await using database = await createEmptyDatabase();
  const env = { DATABASE_URL: database.url, KEY_ENCRYPTION_SECRET: testSecret };
  const refused = await start(env);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.output, "pending; run: deno task migrate");

  const migrated = await runDeno({ args: ["task", "migrate"], env });
  assertEquals([migrated.code, migrated.output.includes("migrations are applied")], [0, true]);

  await using service: ServiceProcess = await startService({ args: ["task", "start"], env });
  const { username, accessToken } = await signUp(service.origin);
  const me = await callService(service.origin, "auth.me", { bearer: accessToken });
  assertEquals([me.status, me.data.user.username], [200, username]);
  const login = await callService(service.origin, "auth.login", {
    body: { identifier: username, password: "a wrong password" },
  });
  assertEquals([login.status, login.reason], [401, "INVALID_CREDENTIALS"]);
  assertEquals((await callService(service.origin, "/health/ready")).status, 200);
  assertEquals((await service.end("SIGTERM")).code, 0);
});

Deno.test("start: keys:rotate before the first migration names the command", async () => {
  await using database = await createEmptyDatabase();
  const env = { DATABASE_URL: database.url, KEY_ENCRYPTION_SECRET: testSecret };
  const { code, stdout } = await runDeno({ args: ["run", "-A", "server/rotate_keys.ts"], env });
  assertEquals([code, linesOf(stdout)], [1, [
    "watchword: the database has no tables of this version; run: deno task migrate",
  ]]);
});

Deno.test("start: keys:rotate publishes the next key beside the one that signs", async () => {
  await using database = await createEmptyDatabase();
  const env = { DATABASE_URL: database.url, KEY_ENCRYPTION_SECRET: testSecret };
  await runDeno({ args: ["task", "migrate"], env });
  await using _service = await startService({ args: ["task", "start"], env });
  const rotated = await runDeno({ args: ["task", "keys:rotate"], env });
  assertEquals(rotated.code, 0);
  assertStringIncludes(rotated.output, "is published and signs from");
});

Deno.test("R-101: the sandbox of start lets nothing else be read, written, run, reached or loaded", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const flags =
    /deno run (--no-prompt --frozen --cached-only -P=start) /.exec(tasks.start)?.[1]?.split(" ") ?? [];
  assertEquals(flags.length, 4);
  const { code, stdout } = await runDeno({
    args: ["run", ...flags, "--allow-net=127.0.0.1:0", "tests/service/sandbox_probe.ts"],
    env: {},
  });
  assertEquals([code, stdout.trim()], [0, "ran 9 probes, all refused"]);
});
