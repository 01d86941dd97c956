import { assert, assertEquals } from "@std/assert";
import type { AuthEvent } from "@watchword/client";
import { memoryStore, persistent, webStore } from "@watchword/client/storage";
import { asyncStore } from "@watchword/client/storage/async";
import { createTabs, fakeClock } from "@watchword/client/testing";
import { password, startTestApp } from "../kit/app.ts";
import { createGate, outcomeOf, startClientScene } from "../kit/client_scene.ts";
import { eventually } from "../kit/eventually.ts";
import { hastenStores } from "../kit/hasten_stores.ts";
import { createFakeStorage } from "../kit/stores.ts";
import { createWire } from "../kit/wire.ts";

const storageEvents = (events: AuthEvent[]) =>
  events.flatMap((event) => event.type === "storage" ? [event.outcome] : []);

Deno.test("C-43: a storage that cannot be read, and one that cannot be written, are told, and the app works", async () => {
  const { storage, open } = createTabs({ clock: fakeClock(), fetch });
  storage.fault = new DOMException("The operation is insecure.", "SecurityError");
  await using scene = await startClientScene({ client: { storage: open().options.storage } });
  const { app, client, events } = scene;
  assertEquals(storageEvents(events), ["unreadable", "write_failed"]);
  storage.fault = null;
  storage.writeFault = new DOMException("The quota has been exceeded.", "QuotaExceededError");
  await app.advance(3_600);
  assertEquals(await outcomeOf(client.trpc.read.query()), "done");
  assertEquals(new Set(storageEvents(events).slice(2)), new Set(["write_failed"]));
});

Deno.test("C-45: a record of a later version is left as it is for the later version to find", async () => {
  await using app = await startTestApp();
  const later = JSON.stringify({ v: 2, user: { id: "x" }, sealed: "…" });
  const storage = memoryStore();
  await storage.set("watchword", later);
  using client = app.client({ storage });
  await client.ready;
  await client.trpc.auth.me.query().catch(() => {});
  await client.logout();
  assertEquals([client.state.status, await storage.get("watchword")], ["anonymous", later]);
});

for (const [when, isWoken] of [["at the next refresh", false], ["when the user comes back", true]] as const) {
  Deno.test(`C-46: a user who clears the site's data is signed out ${when}, without an exception`, async () => {
    const storage = createFakeStorage();
    await using scene = await startClientScene({ client: { storage: webStore(storage) } });
    const { app, client, wire } = scene;
    storage.values.clear();
    await app.advance(3_600);
    if (isWoken) globalThis.dispatchEvent(new Event("pageshow"));
    else assertEquals(await outcomeOf(client.trpc.read.query()), "session_changed");
    await eventually("it is signed out", 1_000, () => client.state.status === "anonymous");
    assertEquals(client.state, { status: "anonymous", lastEnd: "storage_cleared" });
    assertEquals(wire.count("auth.refresh"), 0);
  });
}

Deno.test("C-47: a storage that cuts long values in silence is told at once, not found out by a random sign-out", async () => {
  const values = new Map<string, string>();
  const storage = asyncStore({
    getItem: (key) => Promise.resolve(values.get(key) ?? null),
    setItem: (key, value) => Promise.resolve(void values.set(key, value.slice(0, 200))),
  });
  await using scene = await startClientScene({ client: { storage } });
  const { app, client, events } = scene;
  assertEquals(storageEvents(events), ["write_failed"]);
  await app.advance(3_600);
  assertEquals([await outcomeOf(client.trpc.read.query()), client.state.status], ["done", "authenticated"]);
});

Deno.test("C-48: a call made before a slow storage was read waits for it, and is sent once, with the token", async () => {
  await using app = await startTestApp();
  const memory = memoryStore();
  using first = app.client({ storage: memory });
  await first.register({ username: "ada", password });
  const opened = Promise.withResolvers<void>();
  const get = async (key: string) => (await opened.promise, memory.get(key));
  const storage = { ...memory, get };
  const wire = createWire();
  using client = app.client({ storage, fetch: wire.fetch });
  const calls = [client.trpc.auth.me.query(), client.getAccessToken(), client.fetch(`${app.origin}/v1/me`)];
  assertEquals([client.state.status, wire.sent.length], ["booting", 0]);
  opened.resolve();
  await Promise.all(calls);
  const bearer = `Bearer ${await first.getAccessToken()}`;
  assertEquals(wire.sent.map(({ authorization }) => authorization), [bearer, bearer]);
});

Deno.test("C-51: a page that comes back from the back/forward cache finds out what became of the session", async () => {
  await using app = await startTestApp();
  // Frozen pages hear no storage events: this store has none.
  const storage = memoryStore();
  using page = app.client({ storage });
  await page.register({ username: "ada", password });
  using other = app.client({ storage });
  await other.getAccessToken({ force: true });
  await other.logout();
  await other.register({ username: "grace", password });
  const name = () => page.state.status === "authenticated" ? page.state.user.username : null;
  assertEquals(name(), "ada");
  globalThis.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  await eventually("it has changed hands", 1_000, () => name() === "grace");
  await other.logout();
  globalThis.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  await eventually("it is signed out", 1_000, () => page.state.status === "anonymous");
});

Deno.test("a storage that never answers is given up on: the session lives as long as the client", async () => {
  using _hasty = hastenStores();
  const never = () => new Promise<never>(() => {});
  await using scene = await startClientScene({
    client: { storage: persistent({ get: never, set: never }) },
  });
  const { app, client, events } = scene;
  const [first, ...later] = storageEvents(events);
  assertEquals([first, new Set(later)], ["unreadable", new Set(["write_failed"])]);
  await app.advance(3_600);
  assertEquals(await outcomeOf(client.trpc.read.query()), "done");
  await client.logout();
  assertEquals(client.state, { status: "anonymous", lastEnd: "user" });
});

Deno.test("a storage that stops answering while the refresh is under way does not keep the calls", async () => {
  using _hasty = hastenStores();
  const gate = createGate();
  const memory = memoryStore();
  let isDead = false;
  const orNever = <T>(run: () => T) => isDead ? new Promise<never>(() => {}) : run();
  const storage = persistent({
    get: (key: string) => orNever(() => memory.get(key)),
    set: (key: string, value: string) => orNever(() => memory.set(key, value)),
  });
  await using scene = await startClientScene({ alter: gate.alter, client: { storage } });
  await scene.app.advance(3_600);
  const call = outcomeOf(scene.client.trpc.read.query());
  await gate.arrived;
  isDead = true;
  gate.release();
  assertEquals([await call, storageEvents(scene.events)], ["done", ["write_failed"]]);
});

Deno.test("C-83: where a runtime has little but fetch, as React Native, the client works", async () => {
  await using app = await startTestApp();
  const script = new URL("../kit/bare_runtime.ts", import.meta.url);
  const args = ["run", "-A", "--no-check", script.pathname, app.origin];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  const text = new TextDecoder().decode(stdout);
  assert(text !== "", new TextDecoder().decode(stderr));
  assertEquals(JSON.parse(text), {
    answers: ["signed_in", "ada", "aborted", "authenticated"],
    events: ["signedIn", "refreshed"],
    late: "signed_out",
    left: 0,
  });
});
