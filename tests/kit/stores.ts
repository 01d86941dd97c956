import { memoryStore, persistent, type SessionStorage, webStore } from "@watchword/client/storage";

/** A `Storage` as browsers have it, whose every method can be made to throw. */
export interface FakeStorage {
  values: Map<string, string>;
  /** Set, it is what a forbidden or full storage throws. */
  fault: Error | undefined;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** An empty storage that works. */
export function createFakeStorage(): FakeStorage {
  const values = new Map<string, string>();
  const storage: FakeStorage = {
    values,
    fault: undefined,
    getItem: (key) => guard(() => values.get(key) ?? null),
    setItem: (key, value) => guard(() => void values.set(key, String(value))),
  };
  function guard<T>(run: () => T): T {
    if (storage.fault) throw storage.fault;
    return run();
  }
  return storage;
}

/** A store that answers a turn later, as those do that ask another thread. */
function slowStore(): SessionStorage {
  const store = memoryStore();
  const later = () => new Promise((resolve) => setTimeout(resolve, 1));
  return persistent({
    get: async (key) => (await later(), store.get(key)),
    set: async (key, value) => (await later(), store.set(key, value)),
  });
}

/** Every kind of store, each made empty. */
export const storeKinds: Record<string, () => SessionStorage> = {
  memory: memoryStore,
  web: () => webStore(createFakeStorage()),
  asynchronous: slowStore,
};
