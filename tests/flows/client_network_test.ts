import { assert, assertEquals } from "@std/assert";
import { type AuthEvent, findAuthClientError, isAuthClientError } from "@watchword/client";
import { memoryStore } from "@watchword/client/storage";
import { createTabs, fakeClock } from "@watchword/client/testing";
import { createGate, outcomeOf, standingClock, startClientScene } from "../kit/client_scene.ts";
import { eventually, pause } from "../kit/eventually.ts";
import { networkError, refusal, type Sent } from "../kit/wire.ts";

const DAY_MS = 86_400_000;
const isRefresh = ({ procedures }: Sent) => procedures[0] === "auth.refresh";
const expired = { reason: "TOKEN_EXPIRED", executed: false };

/** A network whose refreshes can be made to fail. */
async function startFlaky(options: Omit<Parameters<typeof startClientScene>[0], "alter"> = {}) {
  const network: { answer: ((sent: Sent) => Response | Promise<Response>) | null } = { answer: null };
  const scene = await startClientScene({
    ...options,
    alter: async (sent, forward) =>
      isRefresh(sent) && network.answer ? await network.answer(sent) : await forward(),
  });
  const failures = () => scene.events.filter(({ type }) => type === "refreshFailed");
  return { ...scene, scene, network, failures, refreshes: () => scene.wire.count("auth.refresh") };
}

const reads = (client: { trpc: { read: { query(): Promise<string> } } }, count: number) =>
  Promise.all(Array.from({ length: count }, () => client.trpc.read.query()));

Deno.test("C-7: a refresh that fails rejects all that wait with one error, and a later call starts another", async () => {
  const { scene, app, client, network, refreshes } = await startFlaky();
  await using _ = scene;
  network.answer = networkError;
  await app.advance(3_600);
  const calls = Array.from({ length: 20 }, () => client.trpc.read.query().catch(findAuthClientError));
  const causes = new Set(await Promise.all(calls));
  assertEquals([...causes].map((cause) => isAuthClientError(cause) && [cause.code, cause.retryable]), [
    ["unreachable", true],
  ]);
  assertEquals(refreshes(), 1);
  network.answer = null;
  await app.advance(2);
  assertEquals([await outcomeOf(client.trpc.read.query()), refreshes()], ["done", 2]);
});

for (
  const [what, clock] of [["over", undefined], ["refused by the server", standingClock]] as const
) {
  Deno.test(`C-8: a call made while a token that is ${what} is renewed waits, and is counted`, async () => {
    const gate = createGate();
    await using scene = await startClientScene({ alter: gate.alter, client: clock ? { clock } : {} });
    const { app, client, wire, events } = scene;
    await app.advance(3_600);
    const first = outcomeOf(client.trpc.read.query());
    await gate.arrived;
    const before = wire.sent.length;
    const later = [client.trpc.read.query(), client.trpc.add.mutate({ id: 1 })].map(outcomeOf);
    await pause(20);
    assertEquals(wire.sent.length, before);
    gate.release();
    assertEquals(await Promise.all([first, ...later]), ["done", "done", "done"]);
    const [refreshed] = events.filter(({ type }) => type === "refreshed");
    assertEquals(refreshed?.type === "refreshed" && refreshed.waiters, 3);
    assertEquals(wire.count("auth.refresh"), 1);
  });
}

Deno.test("C-10: where renewing ahead fails, calls go on under the token that still lives", async () => {
  const { scene, app, client, network, failures } = await startFlaky({ client: { refreshAheadSeconds: 60 } });
  await using _ = scene;
  network.answer = networkError;
  await app.advance(560);
  assertEquals(await outcomeOf(client.trpc.read.query()), "done");
  await eventually("the failure is told", 2_000, () => failures().length === 1);
  assertEquals(await outcomeOf(client.trpc.read.query()), "done");
  assertEquals(client.state.status, "authenticated");
});

Deno.test("C-52: a device clock that jumps a day, either way, costs at most one refresh, also after a restart", async () => {
  for (const jumpMs of [DAY_MS, -DAY_MS]) {
    const storage = memoryStore();
    await using scene = await startClientScene({ client: { storage } });
    const { wire } = scene;
    const clock = { shiftMs: 0, wall: () => Date.now() + clock.shiftMs, monotonic: () => performance.now() };
    const client = scene.open({ storage, clock });
    await reads(client, 3);
    clock.shiftMs = jumpMs;
    await reads(client, 3);
    const restarted = scene.open({ storage, clock });
    for (let round = 0; round < 5; round++) await reads(restarted, 3);
    assertEquals([jumpMs, wire.count("auth.refresh")], [jumpMs, 1]);
    assertEquals(restarted.state.status, "authenticated");
  }
});

Deno.test("C-53: a token that lives shorter than it is renewed ahead of is renewed after half its life, once", async () => {
  const { scene, app, client, refreshes } = await startFlaky({
    app: { accessTokenTtlSeconds: 100 },
    client: { refreshAheadSeconds: 60 * 60 },
  });
  await using _ = scene;
  await app.advance(40);
  await reads(client, 10);
  assertEquals(refreshes(), 0);
  await app.advance(20);
  await reads(client, 10);
  await eventually("it is renewed", 2_000, () => refreshes() === 1);
  for (let call = 0; call < 5; call++) await reads(client, 10);
  assertEquals(refreshes(), 1);
});

for (
  const [what, clock] of [["counted", undefined], ["did not count", standingClock]] as const
) {
  Deno.test(`C-54: 30 calls after eight hours of sleep that the clock ${what} cost one refresh`, async () => {
    const { scene, app, client, refreshes } = await startFlaky({ client: clock ? { clock } : {} });
    await using _ = scene;
    await app.advance(8 * 3_600);
    globalThis.dispatchEvent(new Event("online"));
    globalThis.dispatchEvent(new Event("pageshow"));
    const answers = await reads(client, 30);
    assertEquals([new Set(answers).size, typeof answers[0], refreshes()], [1, "string", 1]);
  });
}

Deno.test("C-58: whoever comes back to the page, a server that asked to wait is not asked before", async () => {
  const { scene, app, client, network, refreshes } = await startFlaky();
  await using _ = scene;
  network.answer = (sent) =>
    refusal(sent, 429, { reason: "RATE_LIMITED", executed: false, retryAfterSeconds: 30 });
  await app.advance(3_600);
  assertEquals(await outcomeOf(client.trpc.read.query()), "throttled");
  network.answer = null;
  for (let seconds = 0; seconds < 20; seconds += 5) {
    await app.advance(5);
    globalThis.dispatchEvent(new Event("visibilitychange"));
    await pause(5);
  }
  assertEquals([refreshes(), client.state.status], [1, "authenticated"]);
  await app.advance(15);
  assertEquals([await outcomeOf(client.trpc.read.query()), refreshes()], ["done", 2]);
});

Deno.test("C-59: offline, calls fail typed without asking again, and all recovers by itself when the network does", async () => {
  const { scene, app, client, network, refreshes } = await startFlaky();
  await using _ = scene;
  network.answer = networkError;
  await app.advance(3_600);
  for (let call = 0; call < 5; call++) {
    assertEquals(await outcomeOf(client.trpc.read.query()), "unreachable");
  }
  const { state } = client;
  assertEquals([refreshes(), state.status === "authenticated" && state.freshness], [1, "unreachable"]);
  network.answer = null;
  globalThis.dispatchEvent(new Event("online"));
  const isFresh = () => client.state.status === "authenticated" && client.state.freshness === "fresh";
  await eventually("it has recovered", 2_000, isFresh);
  assertEquals([await outcomeOf(client.trpc.read.query()), refreshes()], ["done", 2]);
});

Deno.test("failed refreshes are put off from one second to a minute, each time longer, with jitter", async () => {
  const { scene, app, client, network, failures } = await startFlaky();
  await using _ = scene;
  network.answer = (sent) => refusal(sent, 503, { reason: "UNAVAILABLE", executed: false });
  await app.advance(3_600);
  for (let attempt = 1; attempt <= 9; attempt++) {
    assertEquals(await outcomeOf(client.trpc.read.query()), "unreachable");
    const failure = failures().at(-1) as Extract<AuthEvent, { type: "refreshFailed" }>;
    const longestMs = Math.min(60_000, 1_000 * 2 ** (attempt - 1));
    assertEquals([failure.kind, failure.attempt], ["server", attempt]);
    assert(
      failure.nextTryInMs >= longestMs / 2 && failure.nextTryInMs <= longestMs,
      `${failure.nextTryInMs}`,
    );
    // Far enough apart for the fuse.
    await app.advance(61);
  }
});

Deno.test("C-61: a refresh that hangs is given up in time, its lock is free again, and a later call succeeds", async () => {
  const tabs = createTabs({ clock: fakeClock(), fetch });
  const [one, other] = [tabs.open().options.storage, tabs.open().options.storage];
  const { scene, app, network, refreshes } = await startFlaky({ client: { storage: one } });
  await using _ = scene;
  const client = scene.open({ storage: one, timeoutMs: 2_000 });
  network.answer = () => new Promise(() => {});
  await app.advance(3_600);
  assertEquals(await outcomeOf(client.trpc.read.query()), "unreachable");
  network.answer = null;
  const free = await other.lock?.("watchword", 0, (held) => Promise.resolve(held));
  assertEquals([free, client.state.status], [true, "authenticated"]);
  await app.advance(2);
  assertEquals([await outcomeOf(client.trpc.read.query()), refreshes()], ["done", 2]);
});

for (const [ttlSeconds, aMinute] of [[600, 5], [10, 12]] as const) {
  Deno.test(`a server that refuses every token of ${ttlSeconds} s is asked for at most ${aMinute} a minute, however its clocks jump`, async () => {
    const device = { wallMs: 0, monotonicMs: 0 };
    const clock = { wall: () => Date.now() + device.wallMs, monotonic: () => device.monotonicMs };
    const sentAt: number[] = [];
    await using scene = await startClientScene({
      app: { accessTokenTtlSeconds: ttlSeconds },
      client: { clock },
      alter: async (sent, forward) => {
        if (isRefresh(sent)) sentAt.push(device.monotonicMs);
        return sent.procedures[0] === "read" ? refusal(sent, 401, expired) : await forward();
      },
    });
    for (let second = 0; second < 180; second++) {
      device.monotonicMs = second * 1_000;
      device.wallMs = (second % 3 - 1) * DAY_MS;
      await outcomeOf(scene.client.trpc.read.query());
    }
    const mostInAMinute = Math.max(
      ...sentAt.map((from) => sentAt.filter((at) => at >= from && at < from + 60_000).length),
    );
    assertEquals([mostInAMinute, sentAt.length > aMinute], [aMinute, true]);
    assertEquals(scene.client.state.status, "authenticated");
  });
}
