import { assertEquals, assertNotEquals } from "@std/assert";
import type { AuthEvent } from "@watchword/client";
import { memoryStore } from "@watchword/client/storage";
import { indexedDbStore } from "@watchword/client/storage/indexeddb";
import { IDBFactory } from "fake-indexeddb";
import { eventually } from "../kit/eventually.ts";
import { createStore, outcomeOf, readStored, startWorld } from "../kit/fake_world.ts";
import { hastenStores } from "../kit/hasten_stores.ts";

const YEAR_MS = 365 * 24 * 3_600_000;

Deno.test("a read that fails late writes nothing that was true before it", async () => {
  const { open } = await startWorld();
  const values = new Map<string, string>();
  const late = Promise.withResolvers<string | null>();
  let isHung = false;
  const client = open({
    storage: createStore(values, {
      get(key) {
        if (!isHung) return values.get(key) ?? null;
        isHung = false;
        return late.promise;
      },
    }),
  });
  await client.signIn("ada");
  isHung = true;
  globalThis.dispatchEvent(new Event("pageshow"));
  await client.logout();
  late.reject(new Error("too late"));
  await eventually("the read is over", 1_000, () => !isHung);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals([readStored(values).user, readStored(values).refreshToken], [null, ""]);
});

Deno.test("a logout whose access token nobody can check any more is proven by the refresh token", async () => {
  const { server, open, isLive } = await startWorld();
  const client = open();
  await client.signIn("ada");
  const sessionId = client.sessionId();
  server.forgetAccessTokens();
  await client.logout();
  assertEquals(isLive(sessionId), false);
});

Deno.test("a logout that disposing cut short does not say that it was done", async () => {
  const { network, open } = await startWorld();
  const client = open();
  await client.signIn("ada");
  network.always({ delayMs: 1_000 }, "auth.logout");
  const logout = outcomeOf(client.logout());
  await eventually("it is signed out here", 1_000, () => client.state.status === "anonymous");
  client.dispose();
  assertNotEquals(await logout, undefined);
});

for (const [what, isOver] of [["session", false], ["end of a session", true]] as const) {
  Deno.test(`a ${what} from a clock that was wrong does not outlast a sign-in that the store could not be asked about`, async () => {
    const { clock, tabs, openTab } = await startWorld();
    clock.shiftWall(YEAR_MS);
    const before = openTab();
    await before.signIn("ada");
    if (isOver) await before.logout();
    before.dispose();
    clock.shiftWall(-YEAR_MS);
    tabs.storage.fault = new DOMException("denied", "SecurityError");
    const client = openTab();
    await client.signIn("bob");
    tabs.storage.fault = null;
    await client.getAccessToken({ force: true });
    const next = openTab();
    await next.ready;
    assertEquals([client.who(), next.who()], ["bob", "bob"]);
  });
}

Deno.test("a storage that was cleared ends what was there, and nothing that comes after, whatever the clock does", async () => {
  const { clock, tabs, openTab } = await startWorld();
  const before = openTab();
  await before.signIn("ada");
  clock.shiftWall(-120_000);
  tabs.storage.clear();
  await clock.advance(10);
  assertEquals(before.state, { status: "anonymous", lastEnd: "storage_cleared" });
  const client = openTab();
  await client.signIn("ada");
  await clock.advance(10);
  assertEquals([before.who(), client.who(), before.sessionId()], ["ada", "ada", client.sessionId()]);
});

Deno.test("a sign-in is later than whatever is in the store, heard of or not, whatever the clock does", async () => {
  const { clock, open } = await startWorld();
  const values = new Map<string, string>();
  const late = open({ storage: createStore(values) });
  await late.ready;
  await open({ storage: createStore(values) }).signIn("ada");
  clock.shiftWall(-2_000);
  await late.signIn("bob");
  assertEquals([late.who(), readStored(values).user.username], ["bob", "bob"]);
});

for (
  const change of [
    { startedAt: 2 ** 53 },
    { startedAt: 1e300 },
    { startedAt: null },
    { startedAt: true },
    { generation: 1e308 },
    { generation: -1 },
    { attemptId: "" },
    { attemptId: "x".repeat(100_000) },
  ]
) {
  Deno.test(`A-S5: ${JSON.stringify(change).slice(0, 40)} in the store is no record, and keeps nobody from signing in`, async () => {
    const { open } = await startWorld();
    const values = new Map<string, string>();
    const before = open({ storage: createStore(values) });
    await before.signIn("ada");
    before.dispose();
    values.set("watchword", JSON.stringify({ ...readStored(values), ...change }));
    const client = open({ storage: createStore(values) });
    await client.ready;
    assertEquals(client.who(), "anonymous");
    await client.signIn("bob");
    assertEquals([client.who(), readStored(values).user.username], ["bob", "bob"]);
  });
}

Deno.test("a write that never ends does not keep the end of the session from the store", async () => {
  using _hasty = hastenStores();
  const { open } = await startWorld();
  const values = new Map<string, string>();
  let isHung = false;
  const client = open({
    storage: createStore(values, {
      set(key, value) {
        if (!isHung) return void values.set(key, value);
        isHung = false;
        return new Promise<void>(() => {});
      },
    }),
  });
  await client.signIn("ada");
  isHung = true;
  await client.getAccessToken({ force: true });
  await client.logout();
  assertEquals([isHung, readStored(values).user], [false, null]);
});

Deno.test("a write that was given up and lands all the same does not bring a session back", async () => {
  using _hasty = hastenStores();
  const { open } = await startWorld();
  const values = new Map<string, string>();
  const landed = Promise.withResolvers<void>();
  let isSlow = false;
  let hasLanded = false;
  const client = open({
    storage: createStore(values, {
      set(key, value) {
        if (!isSlow) return void values.set(key, value);
        isSlow = false;
        return landed.promise.then(() => {
          values.set(key, value);
          hasLanded = true;
        });
      },
    }),
  });
  await client.signIn("ada");
  isSlow = true;
  await client.getAccessToken({ force: true });
  await client.logout();
  landed.resolve();
  await eventually("it has landed", 1_000, () => hasLanded);
  await eventually("its end is there again", 1_000, () => readStored(values).user === null);
});

Deno.test("a lock that is refused is done without", async () => {
  const { clock, open } = await startWorld();
  const lock = () => Promise.reject(new Error("no lock"));
  const client = open({ storage: createStore(new Map(), { lock }) });
  await client.signIn("ada");
  await clock.advance(700_000);
  await client.trpc.read.query();
  assertEquals(client.state.status === "authenticated" && client.state.freshness, "fresh");
});

Deno.test("C-43: where even listening is forbidden, there is a client all the same", async () => {
  const { open } = await startWorld();
  const events: AuthEvent[] = [];
  const native = globalThis.BroadcastChannel;
  const forbidden = class {
    constructor() {
      throw new DOMException("denied", "SecurityError");
    }
  };
  Object.assign(globalThis, { BroadcastChannel: forbidden, indexedDB: new IDBFactory() });
  try {
    const client = open({ storage: indexedDbStore(), onEvent: (event) => events.push(event) });
    await client.signIn("ada");
    assertEquals([client.who(), events.filter(({ type }) => type === "storage")], ["ada", []]);
  } finally {
    Object.assign(globalThis, { BroadcastChannel: native });
    Reflect.deleteProperty(globalThis, "indexedDB");
  }
});

Deno.test("many announcements at once cost the store about one read each, not one for each pair", async () => {
  const { open } = await startWorld();
  const memory = memoryStore();
  const heard: (() => void)[] = [];
  let reads = 0;
  const client = open({
    storage: {
      ...memory,
      get: async (key) => (reads++, await memory.get(key)),
      watch: (_key, changed) => (heard.push(changed), () => {}),
    },
  });
  await client.signIn("ada");
  reads = 0;
  for (let i = 0; i < 60; i++) heard[0]?.();
  await eventually("all are answered", 1_000, () => reads >= 60);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(reads <= 65, true, `${reads} reads`);
});

Deno.test("a server whose tokens are over at once is asked for at most five a minute", async () => {
  const { server, open } = await startWorld();
  const hasty: typeof fetch = async (input, init) => {
    const response = await server.fetch(input, init);
    return new Response(
      (await response.text()).replace(/"expiresInSeconds":\d+/, '"expiresInSeconds":0'),
      response,
    );
  };
  const client = open({ fetch: hasty });
  await client.signIn("ada");
  for (let calls = 0; calls < 20; calls++) await outcomeOf(client.trpc.read.query());
  assertEquals([server.count("auth.refresh"), client.who()], [5, "ada"]);
});
