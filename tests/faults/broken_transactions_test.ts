import { assert, assertEquals } from "@std/assert";
import { password, type RawAnswer, testSecret } from "../kit/app.ts";
import { createTestDatabase } from "../kit/database.ts";
import { makeAttemptId } from "../kit/sessions.ts";
import { eventually, pause } from "./probe_app.ts";

interface RunningService extends AsyncDisposable {
  post(path: string, body: unknown): Promise<Pick<RawAnswer, "status" | "data">>;
  /** How the process ended, if it did. */
  exitCode(): number | null;
}

/** Starts the service as a process of its own, so that a crash of it is seen and is not the test's. */
async function startService(databaseUrl: string): Promise<RunningService> {
  const root = new URL("../../", import.meta.url).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "server/main.ts"],
    cwd: root,
    env: {
      DATABASE_URL: databaseUrl,
      KEY_ENCRYPTION_SECRET: testSecret,
      PORT: "0",
      RATE_LIMITS: "off",
      ALLOW_UNSAFE: "1",
    },
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let exitCode: number | null = null;
  const ended = process.status.then(({ code }) => exitCode = code);
  let output = "";
  const reading = (async () => {
    for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
      output = (output + text).slice(-9_999);
    }
  })();
  const findOrigin = () => output.match(/listening on (http:\S+)/)?.[1];
  await eventually("the service listens", 20_000, () => findOrigin() !== undefined || exitCode !== null);
  const origin = findOrigin();
  return {
    exitCode: () => exitCode,
    async post(path, body) {
      const response = await fetch(`${origin}/trpc/${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      return { status: response.status, data: (await response.json()).result?.data };
    },
    async [Symbol.asyncDispose]() {
      if (exitCode === null) process.kill("SIGTERM");
      await ended;
      await reading;
    },
  };
}

Deno.test("F-13: connections that break in the middle of transactions never end the process, and leave nothing broken", async () => {
  await using database = await createTestDatabase();
  await using service = await startService(database.url);
  const { data } = await service.post("auth.register", { username: "ada", password });
  const body = { refreshToken: data.tokens.refreshToken, attemptId: makeAttemptId() };
  const statuses = new Set<number>();
  // The first rotates; each repetition of it is a transaction.
  const repeat = async () => statuses.add((await service.post("auth.refresh", body)).status);
  await repeat();
  const stopAt = performance.now() + 6_000;
  const isGoingOn = () => performance.now() < stopAt && service.exitCode() === null;
  const callers = Array.from({ length: 20 }, async () => {
    while (isGoingOn()) await repeat().catch(() => {});
  });
  while (isGoingOn()) {
    await database.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'watchword' and random() < 0.5`;
    await pause(40);
  }
  await Promise.all(callers);
  assertEquals(service.exitCode(), null, "the process has ended");
  assert([...statuses].every((status) => status === 200 || status === 503), [...statuses].join());

  // INV-9: five seconds after the last fault there are no more errors.
  await pause(5_000);
  for (let burst = 0; burst < 10; burst++) {
    const after = await Promise.all(Array.from({ length: 20 }, () => service.post("auth.refresh", body)));
    assertEquals(after.filter(({ status }) => status !== 200), []);
  }
});
