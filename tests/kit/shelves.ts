import { memoryStore, type TokenStore, webStore } from "@watchword/client/storage";
import { type AsyncStorageLike, asyncStore, type SecureStoreLike } from "@watchword/client/storage/async";
import { fileStore } from "@watchword/client/storage/file";
import { indexedDbStore } from "@watchword/client/storage/indexeddb";
import { IDBFactory } from "fake-indexeddb";

/** A storage of some kind, and what a person or a browser may do to it. */
export interface Shelf extends AsyncDisposable {
  /** Another store over the same storage, as another tab or process has it. */
  open(): TokenStore;
  /** The person empties the storage. */
  clear(): Promise<void>;
  /** From now on nobody may use it. */
  forbid(): void;
}

const forbidden = () => new DOMException("The operation is insecure.", "SecurityError");

function createMap() {
  const values = new Map<string, string>();
  let isForbidden = false;
  const use = () => {
    if (isForbidden) throw forbidden();
    return values;
  };
  return {
    getItem: (key: string) => use().get(key) ?? null,
    setItem: (key: string, value: string) => void use().set(key, value),
    clear: () => values.clear(),
    forbid: () => void (isForbidden = true),
  };
}

/** `localStorage`, and the events by which a browser tells the other tabs. */
function createWebShelf(): Shelf {
  const map = createMap();
  const tell = (key: string | null) => globalThis.dispatchEvent(Object.assign(new Event("storage"), { key }));
  return {
    open: () =>
      webStore({
        getItem: map.getItem,
        setItem: (key, value) => (map.setItem(key, value), void tell(key)),
      }),
    clear: () => Promise.resolve((map.clear(), void tell(null))),
    forbid: map.forbid,
    async [Symbol.asyncDispose]() {},
  };
}

function createAsyncShelf(shape: (storage: AsyncStorageLike) => AsyncStorageLike | SecureStoreLike): Shelf {
  const map = createMap();
  // Slower the earlier it is asked, as threads can be.
  let delayMs = 6;
  const later = async <T>(run: () => T) => {
    await new Promise((resolve) => setTimeout(resolve, delayMs = Math.max(0, delayMs - 1)));
    return run();
  };
  const storage = shape({
    getItem: (key) => later(() => map.getItem(key)),
    setItem: (key, value) => later(() => map.setItem(key, value)),
  });
  return {
    open: () => asyncStore(storage),
    clear: () => Promise.resolve(map.clear()),
    forbid: map.forbid,
    async [Symbol.asyncDispose]() {},
  };
}

function createIndexedDbShelf(): Shelf {
  const factory = new IDBFactory();
  const name = crypto.randomUUID();
  Object.defineProperty(globalThis, "indexedDB", { value: factory, configurable: true });
  return {
    open: () => indexedDbStore(name),
    clear: () => new Promise<void>((resolve) => factory.deleteDatabase(name).onsuccess = () => resolve()),
    forbid() {
      factory.open = () => {
        throw forbidden();
      };
    },
    async [Symbol.asyncDispose]() {},
  };
}

async function createFileShelf(): Promise<Shelf> {
  const parent = await Deno.makeTempDir();
  const folder = `${parent}/tool`;
  return {
    open: () => fileStore(folder),
    clear: () => Deno.remove(folder, { recursive: true }),
    forbid() {
      Deno.mkdirSync(folder, { recursive: true });
      Deno.chmodSync(folder, 0o777);
    },
    [Symbol.asyncDispose]: () => Deno.remove(parent, { recursive: true }),
  };
}

function createMemoryShelf(): Shelf {
  const store = memoryStore();
  return {
    open: () => store,
    // A memory is emptied by nobody but its owner.
    clear: () => Promise.reject(new Error("nobody can clear it")),
    forbid() {},
    async [Symbol.asyncDispose]() {},
  };
}

export interface ShelfKind {
  create(): Shelf | Promise<Shelf>;
  /** What it does beyond keeping values. */
  can: { watch: boolean; lock: boolean; fail: boolean; clear: boolean };
}

/** Every kind of store. */
export const shelfKinds: Record<string, ShelfKind> = {
  memory: { create: createMemoryShelf, can: { watch: false, lock: false, fail: false, clear: false } },
  web: { create: createWebShelf, can: { watch: true, lock: true, fail: true, clear: true } },
  indexeddb: { create: createIndexedDbShelf, can: { watch: true, lock: true, fail: true, clear: true } },
  file: { create: createFileShelf, can: { watch: true, lock: true, fail: true, clear: true } },
  asyncStorage: {
    create: () => createAsyncShelf((storage) => storage),
    can: { watch: false, lock: false, fail: true, clear: true },
  },
  secureStore: {
    create: () =>
      createAsyncShelf(({ getItem, setItem }) => ({
        getItemAsync: getItem,
        setItemAsync: setItem,
      })),
    can: { watch: false, lock: false, fail: true, clear: true },
  },
};
