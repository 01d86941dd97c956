import { assert, assertEquals } from "@std/assert";
import { createTRPCClient, httpBatchLink, httpBatchStreamLink, httpLink, type TRPCLink } from "@trpc/client";
import { type AuthClientOptions, createAuthClient } from "@watchword/client";
import { BATCH_MAX_CALLS } from "@watchword/shared/limits";
import { password, startTestApp, type TestApp } from "../kit/app.ts";
import { type CounterApp, createCounterApp } from "../kit/counter_app.ts";
import { createWire, refusal, type Wire } from "../kit/wire.ts";

const createClient = (app: TestApp, wire: Wire, options: Partial<AuthClientOptions> = {}) =>
  createAuthClient<CounterApp>({ url: `${app.origin}/trpc`, fetch: wire.fetch, ...options });

async function startCounted() {
  const runs = { reads: 0, adds: 0 };
  const app = await startTestApp({ router: createCounterApp(runs) });
  return { app, runs };
}

/** The clock that the client believes is the server's too. */
function sharedClock() {
  const clock = {
    shiftMs: 0,
    wall: () => Date.now() + clock.shiftMs,
    monotonic: () => performance.now() + clock.shiftMs,
  };
  return clock;
}

// Each asks for options of its own, of which these tests give the common ones.
type LinkOf = (options: object) => TRPCLink<CounterApp>;

const terminating: Record<
  string,
  { link: LinkOf; requests: number }
> = {
  "C-1: 50 calls refused through httpBatchLink": {
    link: httpBatchLink as LinkOf,
    requests: 2 * 50 / BATCH_MAX_CALLS,
  },
  "C-2: 50 calls refused through httpBatchStreamLink": {
    link: httpBatchStreamLink as LinkOf,
    requests: 2 * 50 / BATCH_MAX_CALLS,
  },
  "C-3: 50 calls refused through httpLink, one after another,": {
    link: httpLink as LinkOf,
    requests: 2 * 50,
  },
};

for (const [what, { link, requests }] of Object.entries(terminating)) {
  Deno.test(`${what} cost one refresh and ${requests} requests, and each succeeds`, async () => {
    const { app, runs } = await startCounted();
    await using _ = app;
    let calls = 0;
    const wire = createWire(async ({ procedures }, forward) => {
      const isCall = procedures.some((procedure) => ["add", "read"].includes(procedure));
      // Refusals come one by one, the first of them long before the last.
      if (isCall) await new Promise((resolve) => setTimeout(resolve, 3 * (calls++ % (requests / 2))));
      const answer = await forward();
      // A streamed answer comes whole, so that all of a batch is refused in one moment.
      return isCall ? new Response(await answer.text(), answer) : answer;
    });
    using client = createClient(app, wire);
    await client.register({ username: "ada", password });
    const options = { url: `${app.origin}/trpc`, fetch: wire.fetch, ...client.http() };
    const trpc = createTRPCClient<CounterApp>({ links: [client.link(), link(options)] });
    // Only the server's clock moves: the client believes that its token is good, and is told otherwise.
    await app.advance(3_600);
    const ids = Array.from({ length: 20 }, (_, id) => id);
    const answers = await Promise.all([
      ...ids.map((id) => trpc.add.mutate({ id })),
      ...Array.from({ length: 30 }, () => trpc.read.query()),
    ]);
    assertEquals(answers.slice(0, 20), ids);
    assertEquals([wire.count("auth.refresh"), runs.adds, runs.reads], [1, 20, 30]);
    assertEquals(wire.count("add") + wire.count("read"), requests);
  });
}

Deno.test("C-1: 50 calls under a token that is known to be over wait for one refresh and are sent once", async () => {
  const { app, runs } = await startCounted();
  await using _ = app;
  const clock = sharedClock();
  const wire = createWire();
  using client = createClient(app, wire, { clock });
  await client.register({ username: "ada", password });
  clock.shiftMs = 3_600_000;
  await app.advance(3_600);
  await Promise.all(Array.from({ length: 50 }, () => client.trpc.read.query()));
  assertEquals([wire.count("auth.refresh"), wire.count("read"), runs.reads], [1, 5, 50]);
});

Deno.test("C-11: 20 parallel getAccessToken cost one refresh and are one token", async () => {
  const { app } = await startCounted();
  await using _ = app;
  const clock = sharedClock();
  const wire = createWire();
  using client = createClient(app, wire, { clock });
  await client.register({ username: "ada", password });
  clock.shiftMs = 3_600_000;
  await app.advance(3_600);
  const tokens = await Promise.all(Array.from({ length: 20 }, () => client.getAccessToken()));
  assertEquals([new Set(tokens).size, wire.count("auth.refresh")], [1, 1]);
});

Deno.test("C-4: a refusal that comes after another call has refreshed is sent again without a refresh", async () => {
  const { app } = await startCounted();
  await using _ = app;
  let release!: () => void;
  const held = new Promise<void>((resolve) => release = resolve);
  let reads = 0;
  const wire = createWire(async ({ procedures }, forward) => {
    const answer = await forward();
    if (procedures[0] === "read" && ++reads === 1) await held;
    return answer;
  });
  using client = createClient(app, wire);
  await client.register({ username: "ada", password });
  await app.advance(3_600);
  const late = client.trpc.read.query();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await client.trpc.add.mutate({ id: 1 });
  release();
  assert(await late);
  assertEquals(wire.count("auth.refresh"), 1);
});

Deno.test("C-5: a server that refuses every token is asked twice, refreshed once, and its error surfaces", async () => {
  const { app } = await startCounted();
  await using _ = app;
  const expired = { reason: "TOKEN_EXPIRED", executed: false };
  const wire = createWire(async (sent, forward) =>
    sent.procedures[0] === "read" ? refusal(sent, 401, expired) : await forward()
  );
  using client = createClient(app, wire);
  await client.register({ username: "ada", password });
  const error = await client.trpc.read.query().then(() => null, (thrown) => thrown);
  assertEquals(error?.data?.auth, expired);
  assertEquals([wire.count("read"), wire.count("auth.refresh")], [2, 1]);
  assertEquals(client.state.status, "authenticated");
});

Deno.test("C-9: shortly before its end a token is still sent, and its successor fetched beside it", async () => {
  const { app } = await startCounted();
  await using _ = app;
  const clock = sharedClock();
  const wire = createWire();
  using client = createClient(app, wire, { clock, refreshAheadSeconds: 60 });
  await client.register({ username: "ada", password });
  const first = await client.getAccessToken();
  clock.shiftMs = 550_000;
  await app.advance(550);
  await client.trpc.read.query();
  assertEquals(
    wire.sent.find(({ procedures }) => procedures[0] === "read")?.authorization,
    `Bearer ${first}`,
  );
  while (await client.getAccessToken() === first) await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(wire.count("auth.refresh"), 1);
});

Deno.test("a call without a session is sent without a token and refreshes nothing", async () => {
  const { app } = await startCounted();
  await using _ = app;
  const wire = createWire();
  using client = createClient(app, wire);
  assertEquals(await client.trpc.open.query(), "anyone");
  const error = await client.trpc.read.query().then(() => null, (thrown) => thrown);
  assertEquals(error?.data?.auth?.reason, "TOKEN_MISSING");
  assertEquals([wire.count("auth.refresh"), wire.sent.filter(({ authorization }) => authorization).length], [
    0,
    0,
  ]);
});

Deno.test("C-21: an abort during the refresh ends that call only, at once", async () => {
  const { app } = await startCounted();
  await using _ = app;
  const clock = sharedClock();
  let release!: () => void;
  const held = new Promise<void>((resolve) => release = resolve);
  const wire = createWire(async ({ procedures }, forward) => {
    if (procedures[0] === "auth.refresh") await held;
    return await forward();
  });
  using client = createClient(app, wire, { clock });
  await client.register({ username: "ada", password });
  clock.shiftMs = 3_600_000;
  await app.advance(3_600);
  const controller = new AbortController();
  const aborted = client.trpc.read.query(undefined, { signal: controller.signal }).then(
    () => "sent",
    (error) => error.cause?.name,
  );
  const kept = client.trpc.read.query();
  controller.abort();
  assertEquals(await aborted, "AbortError");
  release();
  assert(await kept);
  assertEquals([wire.count("read"), wire.count("auth.refresh")], [1, 1]);
});

Deno.test("C-30: a login while an expired session is stored carries no stale bearer and refreshes nothing", async () => {
  const { app } = await startCounted();
  await using _ = app;
  const clock = sharedClock();
  const wire = createWire();
  using client = createClient(app, wire, { clock });
  await client.register({ username: "ada", password });
  clock.shiftMs = 3_600_000;
  await app.advance(3_600);
  assertEquals((await client.login({ identifier: "ada", password })).status, "signed_in");
  const login = wire.sent.find(({ procedures }) => procedures[0] === "auth.login");
  assertEquals([login?.authorization, wire.count("auth.refresh")], [null, 0]);
});
