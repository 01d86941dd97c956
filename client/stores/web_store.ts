import type { TokenStore } from "../token_store.ts";

interface StorageLike {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/**
 * Keeps the session in `localStorage`, or another `Storage`, shared by the tabs of an origin.
 *
 * Any script of the page can read it: a page that cannot rule out injected script should prefer cookie mode.
 */
export function webStore(storage: StorageLike = localStorage): TokenStore {
  return {
    get: (key) => storage.getItem(key),
    set: (key, value) => storage.setItem(key, value),
    remove: (key) => storage.removeItem(key),
    watch(key, changed) {
      const target: EventTarget = globalThis;
      const listener = (event: Event) => {
        // A null key is `clear()`.
        if (!("key" in event) || event.key === key || event.key === null) changed();
      };
      target.addEventListener("storage", listener);
      return () => target.removeEventListener("storage", listener);
    },
  };
}
