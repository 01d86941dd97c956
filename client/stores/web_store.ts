import type { TokenStore } from "../token_store.ts";
import { webLock } from "./web_lock.ts";

interface StorageLike {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/**
 * Keeps the session in `localStorage`, or another `Storage`, shared by the tabs of an origin.
 *
 * Any script of the page can read it: a page that cannot rule out injected script should prefer cookie mode.
 * A storage that is forbidden or full makes the call reject, never the construction.
 */
export function webStore(storage?: StorageLike): TokenStore {
  // The getter of `localStorage` itself throws where a page may not use it.
  const area = () => storage ?? globalThis.localStorage;
  return {
    get: (key) => settle(() => area().getItem(key)),
    set: (key, value) => settle(() => area().setItem(key, value)),
    remove: (key) => settle(() => area().removeItem(key)),
    watch(key, changed) {
      const target: EventTarget = globalThis;
      const listener = (event: Event) => {
        // A null key is `clear()`.
        if (!("key" in event) || event.key === key || event.key === null) changed();
      };
      target.addEventListener("storage", listener);
      return () => target.removeEventListener("storage", listener);
    },
    lock: webLock,
  };
}

/** A value at once, so that a page starts signed in; a failure as a rejection, as other stores have it. */
function settle<T>(run: () => T): T | Promise<T> {
  try {
    return run();
  } catch (error) {
    return Promise.reject(error);
  }
}
