import { assert, assertEquals, assertRejects } from "@std/assert";
import { createTestDatabase } from "../kit/database.ts";
import { findFreePort } from "../kit/free_port.ts";
import { eventually } from "../faults/probe_app.ts";
import { hostPromises } from "./host_promises.ts";
import { type HostProcess, startHost } from "./host_process.ts";

const file = decodeURIComponent(new URL("deno_parallel.ts", import.meta.url).pathname);
const password = "correct horse battery";
const LOGOUTS = 25;

function startParallel(databaseUrl: string): Promise<HostProcess> {
  const port = String(findFreePort());
  return startHost({
    command: Deno.execPath(),
    args: ["serve", "-A", "--no-check", "--parallel", "--host", "127.0.0.1", "--port", port, file],
    env: { DATABASE_URL: databaseUrl, DENO_JOBS: "2" },
  });
}

/** A connection of its own, which the kernel gives to one worker for good. */
async function connectTo({ origin }: HostProcess) {
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 1 });
  const call = async (path: string, { body, bearer }: { body?: unknown; bearer?: string } = {}) => {
    const response = await fetch(`${origin}/trpc/${path}`, {
      client,
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
      headers: {
        "content-type": "application/json",
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      },
    });
    const { result, error } = await response.json();
    return { status: response.status, data: result?.data, reason: error?.data?.auth?.reason };
  };
  const { data: worker } = await call("worker");
  return { call, worker: worker as string, [Symbol.dispose]: () => client.close() };
}

type Connection = Awaited<ReturnType<typeof connectTo>>;

/** One connection to each of the two workers. */
async function connectToBoth(host: HostProcess): Promise<[Connection, Connection]> {
  const near = await connectTo(host);
  let far = await connectTo(host);
  await eventually("another worker answers", 10_000, async () => {
    if (far.worker !== near.worker) return true;
    far[Symbol.dispose]();
    far = await connectTo(host);
    return false;
  });
  return [near, far];
}

Deno.test("deno serve --parallel: what one worker revokes, the other refuses on the very next call", async () => {
  await using database = await createTestDatabase();
  await using host = await startParallel(database.url);
  const [first, second] = await connectToBoth(host);
  using near = first;
  using far = second;
  await near.call("auth.register", { body: { username: "ada", password } });
  for (let round = 0; round < LOGOUTS; round++) {
    const { data } = await near.call("auth.login", { body: { identifier: "ada", password } });
    const bearer = data.tokens.accessToken;
    assertEquals((await far.call("whoami", { bearer })).status, 200);
    await near.call("auth.logout", { body: {}, bearer });
    const next = await far.call("whoami", { bearer });
    assertEquals([next.status, next.reason], [401, "SESSION_REVOKED"]);
  }
  assertEquals((await near.call("worker")).data, near.worker);
  assertEquals((await far.call("worker")).data, far.worker);
});

Deno.test("deno serve --parallel: every promise of the handler is kept", async (test) => {
  await using database = await createTestDatabase();
  await using host = await startParallel(database.url);
  const subject = { base: host.origin, database };
  for (const [promise, keep] of Object.entries(hostPromises)) await test.step(promise, () => keep(subject));
  await test.step("SIGTERM ends it", async () => {
    const { code, signal } = await host.stop();
    assertEquals([code, signal], [0, null]);
    await assertRejects(() => fetch(`${host.origin}/health/live`));
  });
  assert(!host.output().includes("no client address"), host.output());
});
