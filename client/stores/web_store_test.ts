import { assert, assertEquals, assertRejects } from "@std/assert";
import { webStore } from "./web_store.ts";

/** Replaces `localStorage` for as long as it is in use. */
function useLocalStorage(get: () => unknown): Disposable {
  const page = usePage();
  const before = Object.getOwnPropertyDescriptor(globalThis, "localStorage") ?? {};
  Object.defineProperty(globalThis, "localStorage", { get, configurable: true });
  return {
    [Symbol.dispose]() {
      Object.defineProperty(globalThis, "localStorage", before);
      page[Symbol.dispose]();
    },
  };
}

/** Runs as a page does, for as long as it is in use. */
function usePage(): Disposable {
  Object.defineProperty(globalThis, "document", { value: {}, configurable: true });
  return { [Symbol.dispose]: () => void Reflect.deleteProperty(globalThis, "document") };
}

Deno.test("on a server, whose localStorage all requests would share, the session is kept in memory", async () => {
  const [one, other] = [webStore(), webStore()];
  await one.set("a", "x");
  assertEquals([await one.get("a"), await other.get("a"), one.lock], ["x", null, undefined]);
});

/** What a browser tells the other tabs of an origin. */
const storageEvent = (key: string | null) => Object.assign(new Event("storage"), { key });

Deno.test("C-43: a localStorage whose getter throws makes calls reject, not the construction", async () => {
  using _storage = useLocalStorage(() => {
    throw new DOMException("The operation is insecure.", "SecurityError");
  });
  const store = webStore();
  for (const call of [() => store.get("a"), () => store.set("a", "x")]) {
    await assertRejects(async () => await call(), DOMException, "insecure");
  }
});

Deno.test("C-43: a localStorage that is null or absent, as in some web views, makes calls reject", async () => {
  for (const absent of [null, undefined]) {
    using _storage = useLocalStorage(() => absent);
    const store = webStore();
    await assertRejects(async () => await store.get("a"), TypeError);
    await assertRejects(async () => await store.set("a", "x"), TypeError);
  }
});

Deno.test("C-43: a full localStorage makes set reject and keeps the value it had", async () => {
  const quotaError = new DOMException("The quota has been exceeded.", "QuotaExceededError");
  using _storage = useLocalStorage(() => ({
    getItem: () => "old",
    setItem() {
      throw quotaError;
    },
  }));
  const store = webStore();
  assertEquals(await Promise.resolve(store.set("a", "x")).catch((error) => error), quotaError);
  assertEquals(await store.get("a"), "old");
});

Deno.test("a value is there at once, without a turn of waiting", () => {
  using _storage = useLocalStorage(() => ({ getItem: () => "x" }));
  assertEquals(webStore().get("a"), "x");
});

Deno.test("localStorage is not touched before the first call", () => {
  let looks = 0;
  using _storage = useLocalStorage(() => (looks++, null));
  const stop = webStore().watch?.("a", () => {});
  assertEquals(looks, 0);
  stop?.();
});

Deno.test("C-46: clearing the whole storage in another tab is heard", () => {
  using _page = usePage();
  let heard = 0;
  const stop = webStore().watch?.("a", () => heard++);
  globalThis.dispatchEvent(storageEvent(null));
  assertEquals(heard, 1);
  stop?.();
});

Deno.test("C-50: of two accounts, each hears of its own key only, and nothing after it stopped", () => {
  using _page = usePage();
  const heard = { a: 0, b: 0 };
  const stops = [
    webStore().watch?.("a", () => heard.a++),
    webStore().watch?.("b", () => heard.b++),
  ];
  for (const key of ["a", "b", "a", "c"]) globalThis.dispatchEvent(storageEvent(key));
  for (const stop of stops) stop?.();
  globalThis.dispatchEvent(storageEvent("a"));
  assertEquals(heard, { a: 2, b: 1 });
  assert(stops.every((stop) => stop !== undefined));
});
