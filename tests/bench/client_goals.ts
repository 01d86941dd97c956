/**
 * The goals of the client as measured figures. Time is virtual except where a line says µs or ms. What the simulator
 * and the browsers show is in `tests/simulator` and `tests/browser`; sizes are `deno task size`.
 *
 * @module
 */
import { createTRPCClient, type TRPCLink } from "@trpc/client";
import { observable } from "@trpc/server/observable";
import { createAuthClient, createSession } from "@watchword/client";
import {
  createFakeAuthServer,
  createFaultyFetch,
  createTabs,
  type FakeAuth,
  type FakeClock,
  fakeClock,
  type Fault,
} from "@watchword/client/testing";
import { print } from "../../server/observe/log.ts";

const url = "http://api.test/trpc";
const account = { username: "ada", password: "correct horse battery" };

function createGoalRouter({ trpc, router, protectedProcedure }: FakeAuth, runs: { adds: number }) {
  return trpc.router({
    auth: router,
    read: protectedProcedure.query(() => "read"),
    add: protectedProcedure.mutation(() => ++runs.adds),
  });
}
type GoalRouter = ReturnType<typeof createGoalRouter>;

function createScene(clock: FakeClock = fakeClock(), options: { refreshLeewaySeconds?: number } = {}) {
  const runs = { adds: 0 };
  const server = createFakeAuthServer({ clock, router: (auth) => createGoalRouter(auth, runs), ...options });
  const network = createFaultyFetch(server.fetch, { clock });
  return { clock, server, network, runs };
}
const createClient = (options: object) => createAuthClient<GoalRouter>({ url, ...options });
const table: [goal: string, target: string, measured: string][] = [];

// Refreshes and requests for N calls that meet an expired token.
for (const count of [2, 50, 1_000]) {
  const { server, network, clock } = createScene();
  const client = createClient({ fetch: network.fetch, clock });
  await client.register(account);
  server.expireAccessTokens();
  const before = network.sent.length;
  await Promise.all(Array.from({ length: count }, () => client.trpc.read.query()));
  const refreshes = server.count("auth.refresh");
  const requests = network.sent.length - before;
  const wanted = 2 * Math.ceil(count / 10) + 1;
  table.push([`refreshes for ${count} rejections`, "1", String(refreshes)]);
  table.push([`requests for that`, String(wanted), String(requests)]);
}

// Tabs whose tokens end together.
for (const hasLocks of [true, false]) {
  for (const count of [2, 5, 20]) {
    const { server, network, clock } = createScene();
    const tabs = createTabs({ clock, fetch: network.fetch, hasLocks });
    const clients = Array.from({ length: count }, () => createClient(tabs.open().options));
    await clients[0]?.register(account);
    await clock.advance(10);
    server.expireAccessTokens();
    const calls = Promise.allSettled(clients.map((client) => client.trpc.read.query()));
    await clock.advance(10_000);
    const failed = (await calls).filter(({ status }) => status === "rejected").length;
    const [session] = clients.map(({ state }) => state.status === "authenticated" ? state.sessionId : "");
    const rotations = server.findSession(session ?? "")?.generation;
    const signedOut = clients.filter(({ state }) => state.status !== "authenticated").length;
    table.push([
      `${count} tabs ${hasLocks ? "with" : "without"} locks`,
      hasLocks ? "1 refresh" : `1 rotation, ≤ ${count} posts, 0 sign-outs`,
      `${
        server.count("auth.refresh")
      } refresh(es), ${rotations} rotation(s), ${signedOut} sign-outs, ${failed} failed`,
    ]);
  }
}

// A refresh whose answer is lost at each point.
const cuts: Record<string, Fault> = {
  "before the commit": "drop request",
  "after the commit": "drop answer",
  "in the middle of the body": "cut body",
  "as noise": "garbage body",
  "in a time-out": "hang answer",
};
let recovered = 0;
for (const fault of Object.values(cuts)) {
  const { server, network, clock } = createScene();
  const client = createClient({ fetch: network.fetch, clock, timeoutMs: 50 });
  await client.register(account);
  server.expireAccessTokens();
  network.once(fault, "auth.refresh");
  await client.trpc.read.query().catch(() => {});
  await clock.advance(120_000);
  const said = await client.trpc.read.query().catch(() => null);
  const state = client.state.status === "authenticated" ? client.state.sessionId : "";
  if (said === "read" && server.findSession(state)?.generation === 1) recovered++;
}
table.push([
  `lost answers recovered (${Object.keys(cuts).join(", ")})`,
  "100 %",
  `${recovered} of ${Object.keys(cuts).length}`,
]);

// Nothing but a terminal reason signs out.
let falseSignOuts = 0;
for (let status = 400; status <= 599; status++) {
  const { server, network, clock } = createScene();
  const client = createClient({ fetch: network.fetch, clock });
  await client.register(account);
  server.expireAccessTokens();
  network.always({ status, body: "<h1>no</h1>" }, "auth.refresh");
  await client.trpc.read.query().catch(() => {});
  if (client.state.status !== "authenticated") falseSignOuts++;
}
table.push(["false sign-outs for a refresh answered 400 to 599", "0", String(falseSignOuts)]);

// A server that refuses every token, a clock that jumps, a caller that never gives up.
{
  const { server, network, clock } = createScene();
  const client = createClient({ fetch: network.fetch, clock });
  await client.register(account);
  const before = server.count("auth.refresh");
  for (let second = 0; second < 60; second++) {
    server.expireAccessTokens();
    if (second % 10 === 0) clock.shiftWall((second % 20 ? -1 : 1) * 86_400_000);
    await client.trpc.read.query().catch(() => {});
    await clock.advance(1_000);
  }
  table.push([
    "refresh posts a minute, hostile server and clock",
    "≤ 5",
    String(server.count("auth.refresh") - before),
  ]);
}

// An abort while the refresh hangs.
{
  const { server, network, clock } = createScene();
  const client = createClient({ fetch: network.fetch, clock });
  await client.register(account);
  server.expireAccessTokens();
  network.once("hang answer", "auth.refresh");
  const worst: number[] = [];
  const waiting = Array.from({ length: 20 }, () => {
    const controller = new AbortController();
    const call = client.trpc.read.query(undefined, { signal: controller.signal }).catch(() =>
      performance.now()
    );
    return { controller, call };
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  for (const { controller, call } of waiting) {
    const abortedAt = performance.now();
    controller.abort();
    worst.push(Number(await call) - abortedAt);
  }
  client.dispose();
  table.push([
    "abort to rejection during a refresh, worst of 20",
    "≤ 5 ms",
    `${Math.max(...worst).toFixed(2)} ms`,
  ]);
}

// What the link adds to a call under a fresh token; the two sides are measured in turns.
{
  const { network, clock } = createScene();
  const auth = createSession({ url, fetch: network.fetch, clock });
  await auth.register(account);
  const answer: TRPCLink<GoalRouter> = () => () =>
    observable((observer) => {
      observer.next({ result: { type: "data", data: "read" } });
      observer.complete();
    });
  const bare = createTRPCClient<GoalRouter>({ links: [answer] });
  const linked = createTRPCClient<GoalRouter>({ links: [auth.link(), answer] });
  const time = async (trpc: typeof bare): Promise<number> => {
    const startedAt = performance.now();
    for (let call = 0; call < 2_000; call++) await trpc.read.query();
    return (performance.now() - startedAt) / 2;
  };
  const added: number[] = [];
  for (let round = 0; round < 20; round++) added.push(-await time(bare) + await time(linked));
  const median = added.sort((a, b) => a - b)[10] ?? NaN;
  table.push([
    "added to a call under a fresh token, median of 20 rounds",
    "≤ 5 µs",
    `${median.toFixed(1)} µs`,
  ]);
}

// The user comes back to a page whose token is good.
{
  const { network, clock } = createScene();
  let events = 0;
  const client = createClient({ fetch: network.fetch, clock });
  await client.register(account);
  client.on(() => events++);
  const before = network.sent.length;
  for (const type of ["visibilitychange", "pageshow", "online"]) dispatchEvent(new Event(type));
  await new Promise((resolve) => setTimeout(resolve, 20));
  table.push([
    "requests and events on focus with a fresh token",
    "0 and 0",
    `${network.sent.length - before} and ${events}`,
  ]);
}

const widths = [0, 1].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
print(`${"goal".padEnd(widths[0] ?? 0)}  ${"target".padEnd(widths[1] ?? 0)}  measured`);
for (const [goal, target, measured] of table) {
  print(`${goal.padEnd(widths[0] ?? 0)}  ${target.padEnd(widths[1] ?? 0)}  ${measured}`);
}
Deno.exit(0);
