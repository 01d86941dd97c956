import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { asyncStore, type SecureStoreLike } from "./async_store.ts";

/** Expo's SecureStore with its own rule for keys, which cuts values longer than it can keep. */
function createSecureStore({ limit = Infinity } = {}): SecureStoreLike & { values: Map<string, string> } {
  const values = new Map<string, string>();
  const requireKey = (key: string) => {
    if (!/^[\w.-]+$/.test(key)) throw new Error(`Invalid key provided to SecureStore: ${key}`);
  };
  return {
    values,
    async getItemAsync(key) {
      await requireKey(key);
      return values.get(key) ?? null;
    },
    async setItemAsync(key, value) {
      await requireKey(key);
      values.set(key, value.slice(0, limit));
    },
  };
}

Deno.test("C-47: a storage that cuts a long value in silence makes set reject", async () => {
  const store = asyncStore(createSecureStore({ limit: 2_048 }));
  await store.set("a", "x".repeat(2_048));
  await assertRejects(async () => await store.set("a", "x".repeat(2_049)), Error, "did not keep");
});

Deno.test("C-47: a storage that drops a value in silence, or garbles it, makes set reject", async () => {
  for (const kept of [null, "????"]) {
    const storage = {
      getItem: () => Promise.resolve(kept),
      setItem: () => Promise.resolve(),
    };
    await assertRejects(async () => await asyncStore(storage).set("a", "🐎🐎"), Error, "did not keep");
  }
});

Deno.test("what is said of a value that was not kept does not show the value", async () => {
  const secret = "a secret ".repeat(300);
  const store = asyncStore(createSecureStore({ limit: 100 }));
  const error = await Promise.resolve(store.set("a", secret)).catch((error) => error);
  assertEquals([error instanceof Error, String(error.stack).includes("a secret")], [true, false]);
});

Deno.test("after a write that failed, the store goes on", async () => {
  const storage = createSecureStore({ limit: 10 });
  const store = asyncStore(storage);
  await assertRejects(async () => await store.set("a", "x".repeat(11)));
  await store.set("a", "short");
  assertEquals(await store.get("a"), "short");
});

Deno.test("C-50: any key is written with letters that SecureStore takes, and the default one as it is", async () => {
  const storage = createSecureStore();
  const store = asyncStore(storage);
  const keys = ["watchword", "", "ada@example.com", "a b", "a/b", "ä🐎", "A", "a.b", "."];
  for (const key of keys) await store.set(key, key);
  for (const key of keys) assertEquals(await store.get(key), key);
  assertEquals([storage.values.size, storage.values.get("watchword")], [keys.length, "watchword"]);
  for (const name of storage.values.keys()) assertMatch(name, /^[\w.-]+$/);
});

Deno.test("the module of Expo as a whole is used by its asynchronous functions, never by those that block", async () => {
  const blocking = () => {
    throw new Error("this blocks");
  };
  const module = { ...createSecureStore(), getItem: blocking, setItem: blocking };
  const store = asyncStore(module);
  await store.set("a", "x");
  assertEquals(await store.get("a"), "x");
});

Deno.test("a storage that answers undefined for what it does not have is believed", async () => {
  const storage = {
    getItem: () => Promise.resolve(undefined as unknown as null),
    setItem: () => Promise.resolve(),
  };
  assertEquals(await asyncStore(storage).get("a"), null);
});
