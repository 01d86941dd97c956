import { assertEquals, assertRejects } from "@std/assert";
import { forceCloseDatabase, IDBFactory, IDBObjectStore } from "fake-indexeddb";
import { indexedDbStore } from "./indexeddb_store.ts";

/** A browser's IndexedDB, with the databases that were opened in it. */
function useIndexedDb() {
  const factory = new IDBFactory();
  const open = factory.open.bind(factory);
  const opened: ReturnType<typeof open>[] = [];
  factory.open = (...args: Parameters<typeof open>) => {
    const request = open(...args);
    opened.push(request);
    return request;
  };
  useGlobal("indexedDB", factory);
  return { factory, open, opened };
}

function useGlobal(name: string, value: unknown): Disposable {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  return { [Symbol.dispose]: () => void Object.defineProperty(globalThis, name, before ?? {}) };
}

/** Another script of the origin opens the database at a later version. */
function upgrade(
  open: ReturnType<typeof useIndexedDb>["open"],
  upgraded: (database: { deleteObjectStore(name: string): void }) => void,
) {
  return new Promise<{ close(): void }>((resolve, reject) => {
    const request = open("watchword", 2);
    request.onupgradeneeded = () => upgraded(request.result);
    request.onblocked = () => reject(new Error("the upgrade was blocked"));
    request.onsuccess = () => resolve(request.result);
  });
}

Deno.test("no database is opened before the first use, and one connection serves all that follow", async () => {
  const { opened } = useIndexedDb();
  const store = indexedDbStore();
  store.watch?.("a", () => {})();
  assertEquals(opened.length, 0);
  await Promise.all([store.set("a", "x"), store.get("a"), store.get("b")]);
  assertEquals(opened.length, 1);
});

Deno.test("a connection that the browser takes away is opened again, and the value is still there", async () => {
  const { opened } = useIndexedDb();
  const store = indexedDbStore();
  await store.set("a", "x");
  forceCloseDatabase(opened[0]?.result);
  assertEquals(await store.get("a"), "x");
  assertEquals(opened.length, 2);
});

Deno.test("a connection that was closed without a word is opened again, once for all who wait", async () => {
  const { opened } = useIndexedDb();
  const store = indexedDbStore();
  await store.set("a", "x");
  opened[0]?.result.close();
  assertEquals(await Promise.all([store.get("a"), store.get("a"), store.set("b", "y")]), [
    "x",
    "x",
    undefined,
  ]);
  assertEquals(opened.length, 2);
});

Deno.test("somebody else's upgrade is never blocked, and the upgraded database stays in use", async () => {
  const { open } = useIndexedDb();
  const store = indexedDbStore();
  await store.set("a", "x");
  const other = await upgrade(open, () => {});
  assertEquals(await store.get("a"), "x");
  await store.set("a", "y");
  assertEquals(await indexedDbStore().get("a"), "y");
  other.close();
});

Deno.test("C-45: a database of that name without our table is left as it is, and each call rejects", async () => {
  const { open, factory } = useIndexedDb();
  await indexedDbStore().set("a", "x");
  const other = await upgrade(open, (database) => database.deleteObjectStore("sessions"));
  await assertRejects(async () => await indexedDbStore().get("a"), Error);
  assertEquals((await factory.databases()).map(({ version }: { version: number }) => version), [2]);
  other.close();
});

Deno.test("C-45: a value that is no text is null, and is not deleted", async () => {
  const { opened } = useIndexedDb();
  const store = indexedDbStore();
  await store.get("a");
  const sessions = () => opened[0]?.result.transaction("sessions", "readwrite").objectStore("sessions");
  await new Promise((resolve) => sessions().put({ v: 99 }, "a").onsuccess = resolve);
  assertEquals(await store.get("a"), null);
  const kept = await new Promise((resolve) => {
    const request = sessions().get("a");
    request.onsuccess = () => resolve(request.result);
  });
  assertEquals(kept, { v: 99 });
});

Deno.test("C-43: without IndexedDB each call rejects, and works once there is one", async () => {
  const store = indexedDbStore();
  useGlobal("indexedDB", undefined);
  await assertRejects(async () => await store.get("a"), Error, "no IndexedDB");
  useIndexedDb();
  assertEquals(await store.get("a"), null);
});

Deno.test("C-43: a database that turns out full only when a write is committed makes set reject", async () => {
  useIndexedDb();
  const store = indexedDbStore();
  await store.set("a", "old");
  const { put } = IDBObjectStore.prototype;
  IDBObjectStore.prototype.put = function (...args: unknown[]) {
    const request = put.apply(this, args);
    request.addEventListener("success", () => this.transaction.abort());
    return request;
  };
  try {
    await assertRejects(async () => await store.set("a", "x"), Error, "aborted");
  } finally {
    IDBObjectStore.prototype.put = put;
  }
  assertEquals(await store.get("a"), "old");
});

Deno.test("who watches is not told of what it did itself", async () => {
  useIndexedDb();
  const [store, other] = [indexedDbStore(), indexedDbStore()];
  const heard: string[] = [];
  const told = Promise.withResolvers<void>();
  const stops = [
    store.watch?.("a", () => heard.push("store")),
    other.watch?.("a", () => (heard.push("other"), told.resolve())),
  ];
  await store.set("a", "x");
  await told.promise;
  assertEquals(heard, ["other"]);
  for (const stop of stops) stop?.();
});

Deno.test("a browser without BroadcastChannel keeps values all the same, and watching is silent", async () => {
  useIndexedDb();
  using _channel = useGlobal("BroadcastChannel", undefined);
  const store = indexedDbStore();
  let heard = 0;
  const stop = store.watch?.("a", () => heard++);
  await indexedDbStore().set("a", "x");
  assertEquals([await store.get("a"), heard], ["x", 0]);
  stop?.();
});
