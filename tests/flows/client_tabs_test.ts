import { assert, assertEquals } from "@std/assert";
import type { AuthEvent } from "@watchword/client";
import { createTabs, type FakeClock, fakeClock, type TabsOptions } from "@watchword/client/testing";
import { createGate, outcomeOf, startClientScene } from "../kit/client_scene.ts";
import { eventually, pause } from "../kit/eventually.ts";
import { readSession } from "../kit/sessions.ts";
import { refusal } from "../kit/wire.ts";

type SceneOptions = NonNullable<Parameters<typeof startClientScene>[0]>;
/** What the server forgives nothing: a parent that is used twice under different attempts is a theft. */
const strict = { refreshLeewaySeconds: 0 };

/** Timers run, and the time that the tabs share stands still. */
const runningClock = (): FakeClock => ({
  ...fakeClock(),
  setTimeout: (run, ms) => Number(globalThis.setTimeout(run, ms)),
  clearTimeout: (id) => globalThis.clearTimeout(id),
});

/** A browser with the client of its first tab signed in. */
async function startBrowser(options: SceneOptions = {}, tabOptions: Partial<TabsOptions> = {}) {
  const events: AuthEvent[] = [];
  const tabs = createTabs({ clock: runningClock(), fetch, ...tabOptions });
  const first = tabs.open();
  const scene = await startClientScene({ ...options, client: { storage: first.options.storage } });
  async function open(more: Parameters<typeof scene.open>[0] = {}) {
    const tab = tabs.open();
    const client = scene.open({
      storage: tab.options.storage,
      onEvent: (event) => events.push(event),
      ...more,
    });
    await client.ready;
    return { tab, client };
  }
  const stored = () => JSON.parse(tabs.storage.values.get("watchword") ?? "null");
  const { state } = scene.client;
  const sessionId = state.status === "authenticated" ? state.sessionId : "";
  const attempts = () =>
    scene.wire.sent.filter(({ procedures }) => procedures[0] === "auth.refresh")
      .map(({ body }) => JSON.parse(body).attemptId);
  return { ...scene, scene, tabs, first, open, events, stored, sessionId, attempts };
}

/** Counts what became of the session on the server. */
async function findRotations({ app, sessionId }: Awaited<ReturnType<typeof startBrowser>>) {
  const { generation, revoked_at } = await readSession(app, sessionId);
  return { generation, revoked_at };
}

for (const count of [5, 20]) {
  Deno.test(`C-35: ${count} tabs with locks that expire together refresh once`, async () => {
    const browser = await startBrowser({ app: strict });
    await using _ = browser.scene;
    const others = await Promise.all(Array.from({ length: count - 1 }, () => browser.open()));
    const clients = [browser.client, ...others.map(({ client }) => client)];
    await browser.app.advance(3_600);
    assertEquals(
      await Promise.all(clients.map((client) => outcomeOf(client.trpc.read.query()))),
      clients.map(() => "done"),
    );
    assertEquals([browser.wire.count("auth.refresh"), browser.wire.count("read")], [1, count]);
    assertEquals(await findRotations(browser), { generation: 1, revoked_at: null });
    const causes = browser.events.flatMap((event) => event.type === "refreshed" ? [event.cause] : []);
    assertEquals(causes.filter((cause) => cause !== "other_tab").length <= 1, true);
  });

  for (const storageDelayMs of [0, 4]) {
    Deno.test(`C-36: ${count} tabs without locks, a storage of ${storageDelayMs} ms and no leeway: one rotation, nobody signed out`, async () => {
      const browser = await startBrowser({ app: strict }, { hasLocks: false, storageDelayMs });
      await using _ = browser.scene;
      const others = await Promise.all(Array.from({ length: count - 1 }, () => browser.open()));
      const clients = [browser.client, ...others.map(({ client }) => client)];
      await browser.app.advance(3_600);
      const calls = clients.map(async (client, index) => {
        // Some come at the same time, some in the middle of what the others do.
        await pause(index % 4);
        return await outcomeOf(client.trpc.read.query());
      });
      assertEquals(await Promise.all(calls), clients.map(() => "done"));
      assert(browser.wire.count("auth.refresh") <= count);
      assertEquals(new Set(browser.attempts()).size, 1);
      assertEquals(await findRotations(browser), { generation: 1, revoked_at: null });
      assertEquals(clients.map(({ state }) => state.status), clients.map(() => "authenticated"));
    });
  }
}

Deno.test("C-36: a tab that looked before another one began, and acts after it, makes the same attempt", async () => {
  const gate = createGate();
  const browser = await startBrowser({ app: strict, alter: gate.alter }, { hasLocks: false });
  await using _ = browser.scene;
  const storage = browser.tabs.open().options.storage;
  const looked = Promise.withResolvers<void>();
  let isSlow = false;
  const get = async (key: string) => {
    const value = await storage.get(key);
    if (isSlow) await looked.promise;
    return value;
  };
  const { client: slow } = await browser.open({ storage: { ...storage, get } });
  await browser.app.advance(3_600);
  isSlow = true;
  const late = outcomeOf(slow.trpc.read.query());
  const early = outcomeOf(browser.client.trpc.read.query());
  await gate.arrived;
  isSlow = false;
  looked.resolve();
  await eventually("both have asked", 2_000, () => browser.wire.count("auth.refresh") === 2);
  gate.release();
  assertEquals([await early, await late, new Set(browser.attempts()).size], ["done", "done", 1]);
  assertEquals(await findRotations(browser), { generation: 1, revoked_at: null });
});

for (const hasLocks of [true, false]) {
  const what = hasLocks ? "with locks" : "without locks";
  Deno.test(`C-38: ${what}, what a killed tab had asked for is asked for again by another one, under the same attempt`, async () => {
    const gate = createGate();
    const browser = await startBrowser({ app: strict, alter: gate.alter }, { hasLocks });
    await using _ = browser.scene;
    const other = await browser.open();
    await browser.app.advance(3_600);
    const lost = outcomeOf(browser.client.trpc.read.query());
    await gate.arrived;
    browser.first.kill();
    browser.client.dispose();
    gate.release();
    assertEquals(await outcomeOf(other.client.trpc.read.query()), "done");
    assertEquals(await lost, "disposed");
    assertEquals([browser.attempts().length, new Set(browser.attempts()).size], [2, 1]);
    assertEquals(await findRotations(browser), { generation: 1, revoked_at: null });
  });
}

Deno.test("C-37: a lock that a frozen tab keeps is waited for as long as asked, then gone without", async () => {
  const gate = createGate();
  const browser = await startBrowser({ app: strict, alter: gate.alter });
  await using _ = browser.scene;
  const { client } = await browser.open({ lockWaitMs: 40 });
  await browser.app.advance(3_600);
  const frozen = outcomeOf(browser.client.trpc.read.query());
  await gate.arrived;
  browser.first.freeze();
  gate.release();
  assertEquals(await outcomeOf(client.trpc.read.query()), "done");
  assertEquals(browser.events.filter(({ type }) => type === "lockSkipped").length, 1);
  browser.first.thaw();
  assertEquals(await frozen, "done");
  assertEquals([new Set(browser.attempts()).size, browser.stored().generation], [1, 1]);
});

Deno.test("C-37: by default a lock is waited for three seconds", async () => {
  const waits: number[] = [];
  const { storage } = createTabs({ clock: fakeClock(), fetch }).open().options;
  const lock: NonNullable<typeof storage.lock> = (_key, waitMs, run) => {
    waits.push(waitMs);
    return run(false);
  };
  await using scene = await startClientScene({ client: { storage: { ...storage, lock } } });
  await scene.client.getAccessToken({ force: true });
  assertEquals(waits, [3_000]);
});

Deno.test("C-39: a tab that slept through six rotations takes over the newest before it sends anything", async () => {
  const browser = await startBrowser({ app: strict });
  await using _ = browser.scene;
  const { tab, client: asleep } = await browser.open();
  tab.freeze();
  for (let rotations = 0; rotations < 6; rotations++) {
    await browser.app.advance(1_800);
    await browser.client.trpc.read.query();
  }
  const { wire } = browser;
  const [refreshes, reads] = [wire.count("auth.refresh"), wire.count("read")];
  const waking = outcomeOf(asleep.trpc.read.query());
  tab.thaw();
  assertEquals([await waking, browser.stored().generation], ["done", 6]);
  assertEquals([wire.count("auth.refresh") - refreshes, wire.count("read") - reads], [0, 1]);
  assertEquals(wire.sent.at(-1)?.authorization, `Bearer ${await browser.client.getAccessToken()}`);
});

Deno.test("C-41: a verdict on a generation that the store has left behind signs nobody out", async () => {
  const replaced = { reason: "REFRESH_REUSED", executed: false };
  let isFirst = true;
  const gate = createGate();
  const browser = await startBrowser({
    // The first refresh is refused, late.
    alter: async (sent, forward) => {
      if (sent.procedures[0] !== "auth.refresh" || !isFirst) return await forward();
      isFirst = false;
      return await gate.alter(sent, () => Promise.resolve(refusal(sent, 401, replaced)));
    },
  }, { hasLocks: false });
  await using _ = browser.scene;
  // It hears nothing: only its look at the store can save it.
  const { watch: _watch, ...deaf } = browser.tabs.open().options.storage;
  const { client: late } = await browser.open({ storage: deaf });
  await browser.app.advance(3_600);
  const call = outcomeOf(late.trpc.read.query());
  await gate.arrived;
  await browser.client.trpc.read.query();
  gate.release();
  assertEquals([await call, late.state.status, browser.stored().generation], ["done", "authenticated", 1]);
  assertEquals(browser.events.filter(({ type }) => type === "signedOut"), []);
});

Deno.test("C-27: a refresh that ends after another tab's logout, unheard and unsent, brings nothing back", async () => {
  const gate = createGate();
  let isOffline = false;
  const browser = await startBrowser({
    alter: (sent, forward) =>
      isOffline && sent.procedures[0] === "auth.logout"
        ? Promise.reject(new TypeError("offline"))
        : gate.alter(sent, forward),
  });
  await using _ = browser.scene;
  const { watch: _watch, ...deaf } = browser.tabs.open().options.storage;
  const { client: late } = await browser.open({ storage: deaf });
  await browser.app.advance(3_600);
  const call = outcomeOf(late.trpc.read.query());
  await gate.arrived;
  isOffline = true;
  await browser.client.logout();
  gate.release();
  assertEquals([await call, browser.stored().user], ["session_changed", null]);
  assertEquals(late.state, { status: "anonymous", lastEnd: "other_tab" });
});
