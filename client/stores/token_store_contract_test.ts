import { assertEquals } from "@std/assert";
import { memoryStore } from "./memory_store.ts";
import { webStore } from "./web_store.ts";
import type { TokenStore } from "../token_store.ts";

function createStorage() {
  const values = new Map<string, string>();
  return {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, String(value)),
    removeItem: (key: string) => void values.delete(key),
  };
}

const kinds: Record<string, () => TokenStore> = { memory: memoryStore, web: () => webStore(createStorage()) };

for (const [kind, create] of Object.entries(kinds)) {
  Deno.test(`${kind} store: a key that was never set is null`, async () => {
    assertEquals(await create().get("a"), null);
  });

  Deno.test(`${kind} store: a value comes back as it went in, whatever is in it`, async () => {
    const store = create();
    for (const value of ["", "x", '{"a":1}', "\u0000\u2028\ud83d\udc0e", "x".repeat(8_192)]) {
      await store.set("a", value);
      assertEquals(await store.get("a"), value);
    }
  });

  Deno.test(`${kind} store: the last value wins`, async () => {
    const store = create();
    await store.set("a", "first");
    await store.set("a", "second");
    assertEquals(await store.get("a"), "second");
  });

  Deno.test(`${kind} store: what was removed is null, and may be removed again`, async () => {
    const store = create();
    await store.set("a", "x");
    await store.remove("a");
    await store.remove("a");
    assertEquals(await store.get("a"), null);
  });

  Deno.test(`${kind} store: keys do not meet, those of the prototype neither`, async () => {
    const store = create();
    await store.set("a", "x");
    for (const key of ["b", "A", "", "__proto__", "constructor", "toString"]) {
      assertEquals(await store.get(key), null);
    }
    await store.set("__proto__", "y");
    assertEquals([await store.get("__proto__"), await store.get("a")], ["y", "x"]);
  });

  Deno.test(`${kind} store: two stores of their own share nothing`, async () => {
    const [one, other] = [create(), create()];
    await one.set("a", "x");
    assertEquals(await other.get("a"), null);
  });
}

/** What a browser tells the other tabs of an origin. */
const storageEvent = (key: string | null) => Object.assign(new Event("storage"), { key });

Deno.test("web store: a change of the key in another tab is heard, one of another key is not", () => {
  let heard = 0;
  const stop = webStore(createStorage()).watch?.("a", () => heard++);
  for (const key of ["a", "b", "a"]) globalThis.dispatchEvent(storageEvent(key));
  assertEquals(heard, 2);
  stop?.();
});

Deno.test("web store: clearing the whole storage is heard", () => {
  let heard = 0;
  const stop = webStore(createStorage()).watch?.("a", () => heard++);
  globalThis.dispatchEvent(storageEvent(null));
  assertEquals(heard, 1);
  stop?.();
});

Deno.test("web store: nothing is heard after it was stopped", () => {
  let heard = 0;
  webStore(createStorage()).watch?.("a", () => heard++)();
  globalThis.dispatchEvent(storageEvent("a"));
  assertEquals(heard, 0);
});
