import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { registerUser, startTestApp, testSecret } from "../kit/app.ts";
import { decodeToken } from "../kit/jwt.ts";
import { callService } from "../kit/service_calls.ts";
import { runDeno, startService } from "../kit/service_process.ts";
import { refresh } from "../kit/sessions.ts";

const PAUSE_MS = 30_000;
const LOADS_PER_INSTANCE = 2;
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const serviceEnv = (databaseUrl: string) => ({
  DATABASE_URL: databaseUrl,
  ISSUER: "http://watchword.test",
  KEY_ENCRYPTION_SECRET: testSecret,
});

const startInstance = (databaseUrl: string) =>
  startService({ args: ["run", "-A", "server/main.ts"], env: serviceEnv(databaseUrl) });

Deno.test("F-33: an instance that is stopped for 30 s while the key rotates under load refuses no valid token", async () => {
  await using app = await startTestApp();
  await using running = await startInstance(app.database.url);
  await using stopped = await startInstance(app.database.url);
  const { tokens } = await registerUser(app);
  const kidOf = (token: string) => String(decodeToken(token).header["kid"]);
  const issued = [tokens.accessToken];
  const answers: Record<string, number> = {};

  async function call(origin: string, bearer: string): Promise<void> {
    const { status, reason = "" } = await callService(origin, "auth.me", { bearer });
    const said = `${status} ${reason}`.trimEnd();
    answers[said] = (answers[said] ?? 0) + 1;
  }

  let isLoaded = true;
  async function load(origin: string): Promise<void> {
    for (let turn = 0; isLoaded; turn++) await call(origin, issued[turn % issued.length] ?? "");
  }
  const loads = [running, stopped].flatMap(({ origin }) =>
    Array.from({ length: LOADS_PER_INSTANCE }, () => load(origin))
  );
  await pause(500);

  Deno.kill(stopped.pid, "SIGSTOP");
  const stoppedAtMs = Date.now();
  const rotation = await runDeno({ args: ["task", "keys:rotate"], env: serviceEnv(app.database.url) });
  assertEquals(rotation.code, 0, rotation.output);
  await pause(PAUSE_MS / 2);
  // Its time of waiting is cut short: what no instance can have read since is the harder case.
  await app.database.sql`update signing_keys set activate_at = now() where state = 'pending'`;
  await app.auth.runUpkeep();
  const { data } = await refresh(app, tokens.refreshToken);
  issued.push(data.accessToken);
  await pause(PAUSE_MS - (Date.now() - stoppedAtMs));
  Deno.kill(stopped.pid, "SIGCONT");

  const [first = "", last = ""] = [issued[0], issued.at(-1)];
  await Promise.all([first, last, first, last].map((token) => call(stopped.origin, token)));
  isLoaded = false;
  await Promise.all(loads);
  assertNotEquals(kidOf(first), kidOf(last));
  // What was under way when it was stopped may be told that nobody knows, which is no refusal.
  const { "200": accepted = 0, "503 UNAVAILABLE": unknown = 0, ...refused } = answers;
  assertEquals(refused, {});
  assert(unknown <= LOADS_PER_INSTANCE && accepted > 100, JSON.stringify(answers));
});
