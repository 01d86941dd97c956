/**
 * The session in a storage that answers later, such as those of React Native.
 *
 * @module
 */
import { persistent } from "../persistent.ts";
import type { SessionStorage } from "../shared_session.ts";
import { createQueue } from "../create_queue.ts";
import { escapeKey } from "./escape_key.ts";

/** The shape of React Native's AsyncStorage, and of whatever else is like a `Storage` that answers later. */
export interface AsyncStorageLike {
  getItem(key: string): Promise<string | null>;
  setItem(key: string, value: string): Promise<unknown>;
}

/** The shape of Expo's SecureStore. */
export interface SecureStoreLike {
  getItemAsync(key: string): Promise<string | null>;
  setItemAsync(key: string, value: string): Promise<unknown>;
}

// One at a time in a storage: a slow write must not end after one that was asked for behind it, nor read
// back what another client wrote.
const queues = new WeakMap<object, ReturnType<typeof createQueue>>();

/**
 * Keeps the session in an asynchronous key-value storage, as React Native has them. On a phone prefer SecureStore,
 * which encrypts.
 *
 * Every value is read back after it was written: `set` rejects when the storage kept something else, as those do
 * that cut a long value in silence. Keys are written with letters that SecureStore takes.
 *
 * @param storage `AsyncStorage`, or the module `expo-secure-store` as a whole
 */
export function asyncStore(storage: AsyncStorageLike | SecureStoreLike): SessionStorage {
  const items = toAsyncStorage(storage);
  const enqueue = queues.get(storage) ?? createQueue();
  queues.set(storage, enqueue);
  return persistent({
    get: (key) => enqueue(async () => await items.getItem(escapeKey(key)) ?? null),
    set: (key, value) =>
      enqueue(async () => {
        await items.setItem(escapeKey(key), value);
        if (await items.getItem(escapeKey(key)) !== value) {
          throw new Error(`the storage did not keep all ${value.length} characters of the session`);
        }
      }),
  });
}

function toAsyncStorage(storage: AsyncStorageLike | SecureStoreLike): AsyncStorageLike {
  // The module `expo-secure-store` has `getItem` too, which blocks.
  if (!("getItemAsync" in storage)) return storage;
  return {
    getItem: (key) => storage.getItemAsync(key),
    setItem: (key, value) => storage.setItemAsync(key, value),
  };
}
