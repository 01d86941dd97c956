import { assertEquals } from "@std/assert";
import { memoryStore, persistent, webStore } from "@watchword/client/storage";
import { password, startTestApp, type TestApp } from "../kit/app.ts";
import { createFakeStorage, storeKinds } from "../kit/stores.ts";
import { createWire } from "../kit/wire.ts";

const name = async (client: ReturnType<TestApp["client"]>) =>
  (await client.trpc.auth.me.query()).user.username;

for (const [kind, createStore] of Object.entries(storeKinds)) {
  Deno.test(`${kind} store: a session survives a restart, and its refresh too`, async () => {
    await using app = await startTestApp();
    const storage = createStore();
    const first = app.client({ storage });
    await first.register({ username: "ada", password });
    first.dispose();
    using second = app.client({ storage });
    await second.ready;
    assertEquals(second.state.status, "authenticated");
    await app.advance(3_600);
    assertEquals(await name(second), "ada");
    using third = app.client({ storage });
    assertEquals(await name(third), "ada");
  });

  Deno.test(`${kind} store: a logout leaves neither a user nor a token in it`, async () => {
    await using app = await startTestApp();
    const storage = createStore();
    using client = app.client({ storage });
    await client.register({ username: "ada", password });
    await client.logout();
    const { user, accessToken, refreshToken } = JSON.parse(await storage.get("watchword") ?? "");
    assertEquals([user, accessToken, refreshToken], [null, "", ""]);
    using restarted = app.client({ storage });
    await restarted.ready;
    assertEquals(restarted.state, { status: "anonymous", lastEnd: null });
  });

  Deno.test(`C-50: ${kind} store: two keys are two accounts`, async () => {
    await using app = await startTestApp();
    const storage = createStore();
    using work = app.client({ storage, storageKey: "work" });
    using home = app.client({ storage, storageKey: "home" });
    await work.register({ username: "ada", password });
    await home.register({ username: "grace", password });
    assertEquals([await name(work), await name(home)], ["ada", "grace"]);
    await work.logout();
    assertEquals(await name(home), "grace");
  });

  Deno.test(`C-45, A-S5: ${kind} store: a record that is corrupt or foreign is ignored, and signing in heals it`, async () => {
    await using app = await startTestApp();
    for (
      const garbage of [
        "",
        "null",
        "{}",
        "[1]",
        '{"v":1}',
        '{"v":9,"user":{"id":"x"}}',
        "\u0000",
        "x".repeat(9_000),
      ]
    ) {
      const storage = createStore();
      await storage.set("watchword", garbage);
      using client = app.client({ storage });
      await client.ready;
      assertEquals([garbage.slice(0, 9), client.state.status], [garbage.slice(0, 9), "anonymous"]);
      await client.register({ username: "ada", password });
      await client.login({ identifier: "ada", password });
      assertEquals(await name(client), "ada");
    }
  });

  Deno.test(`${kind} store: a client takes over what another one refreshed, without a refresh of its own`, async () => {
    await using app = await startTestApp();
    const storage = createStore();
    const wire = createWire();
    using first = app.client({ storage, fetch: wire.fetch });
    await first.register({ username: "ada", password });
    using second = app.client({ storage, fetch: wire.fetch });
    await second.ready;
    await app.advance(3_600);
    await name(first);
    assertEquals(await name(second), "ada");
    assertEquals(wire.count("auth.refresh"), 1);
  });
}

Deno.test("what is stored of a session is one string of at most 8 KiB, without the password", async () => {
  await using app = await startTestApp();
  const storage = memoryStore();
  using client = app.client({ storage });
  await client.register({ username: "ada", email: `${"a".repeat(240)}@example.com`, password });
  const text = await storage.get("watchword") ?? "";
  assertEquals([text.length > 0 && text.length <= 8_192, text.includes(password)], [true, false]);
});

const securityError = () => new DOMException("The operation is insecure.", "SecurityError");
const quotaError = () => new DOMException("The quota has been exceeded.", "QuotaExceededError");

Deno.test("C-43, A-S5: a storage that throws from the start costs the session its future, never its present", async () => {
  await using app = await startTestApp();
  const storage = createFakeStorage();
  storage.fault = securityError();
  using client = app.client({ storage: webStore(storage) });
  await client.ready;
  assertEquals(client.state.status, "anonymous");
  assertEquals((await client.register({ username: "ada", password })).status, "signed_in");
  assertEquals(await name(client), "ada");
  await app.advance(3_600);
  assertEquals(await name(client), "ada");
  await client.logout();
  assertEquals(client.state, { status: "anonymous", lastEnd: "user" });
});

Deno.test("C-43, A-S5: a storage that is full when tokens are renewed keeps the session going", async () => {
  await using app = await startTestApp();
  const storage = createFakeStorage();
  using client = app.client({ storage: webStore(storage) });
  await client.register({ username: "ada", password });
  storage.setItem = () => {
    throw quotaError();
  };
  await app.advance(3_600);
  assertEquals(await name(client), "ada");
  await app.advance(3_600);
  assertEquals(await name(client), "ada");
});

Deno.test("C-43, A-S5: a store whose promises reject keeps the session going too", async () => {
  await using app = await startTestApp();
  const broken = () => Promise.reject(new Error("the disk is gone"));
  const storage = persistent({ get: broken, set: broken });
  using client = app.client({ storage });
  await client.register({ username: "ada", password });
  await app.advance(3_600);
  assertEquals(await name(client), "ada");
  await client.logout();
  assertEquals(client.state.status, "anonymous");
});

Deno.test("C-52, A-S5: a stored expiry that was tampered with causes no endless refreshing", async () => {
  await using app = await startTestApp();
  for (
    const change of [{ expiresInSeconds: 0 }, { expiresInSeconds: -1e9 }, { issuedAt: 9e15 }, {
      issuedAt: -9e15,
    }]
  ) {
    const storage = memoryStore();
    const wire = createWire();
    const first = app.client({ storage });
    await first.register({ username: `u${crypto.randomUUID().slice(0, 8)}`, password });
    first.dispose();
    await storage.set(
      "watchword",
      JSON.stringify({ ...JSON.parse(await storage.get("watchword") ?? ""), ...change }),
    );
    using second = app.client({ storage, fetch: wire.fetch });
    for (let i = 0; i < 10; i++) await name(second);
    assertEquals([change, wire.count("auth.refresh") <= 1], [change, true]);
  }
});

/** What a browser tells the other tabs of an origin. */
const storageEvent = () =>
  globalThis.dispatchEvent(Object.assign(new Event("storage"), { key: "watchword" }));

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test("C-32: a logout in one tab signs the other one out, once", async () => {
  await using app = await startTestApp();
  const storage = webStore(createFakeStorage());
  using first = app.client({ storage });
  await first.register({ username: "ada", password });
  using second = app.client({ storage });
  await second.ready;
  const ends: unknown[] = [];
  second.subscribe(() => second.state.status === "anonymous" && ends.push(second.state.lastEnd));
  await first.logout();
  storageEvent();
  storageEvent();
  await until(() => second.state.status === "anonymous");
  assertEquals([ends, first.state], [["other_tab"], { status: "anonymous", lastEnd: "user" }]);
});

Deno.test("a sign-in in one tab reaches the other one", async () => {
  await using app = await startTestApp();
  const storage = webStore(createFakeStorage());
  using first = app.client({ storage });
  using second = app.client({ storage });
  await second.ready;
  await first.register({ username: "ada", password });
  storageEvent();
  await until(() => second.state.status === "authenticated");
  assertEquals(await name(second), "ada");
});

Deno.test("C-39: a stale tab does not roll the storage back", async () => {
  await using app = await startTestApp();
  const storage = webStore(createFakeStorage());
  using first = app.client({ storage });
  await first.register({ username: "ada", password });
  using asleep = app.client({ storage });
  await asleep.ready;
  for (let i = 0; i < 3; i++) {
    await app.advance(3_600);
    await name(first);
  }
  assertEquals(await name(asleep), "ada");
  assertEquals(JSON.parse(await storage.get("watchword") ?? "{}").generation, 3);
});
