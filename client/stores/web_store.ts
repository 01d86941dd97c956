import { persistent } from "../persistent.ts";
import type { SessionStorage } from "../shared_session.ts";
import { memoryStore } from "./memory_store.ts";
import { webLock } from "./web_lock.ts";

interface StorageLike {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

const CONTENDED_MS = 10;
// What another page's process has stored arrives a little later than its lock.
const CATCH_UP_MS = 50;

/**
 * Keeps the session in `localStorage`, or another `Storage`, shared by the tabs of an origin.
 *
 * Any script of the page can read it: a page that cannot rule out injected script should prefer cookie mode.
 * A storage that is forbidden or full makes the call reject, never the construction. Where there is no page, as on a
 * server whose `localStorage` all requests share, it keeps the session in memory.
 */
export function webStore(storage?: StorageLike): SessionStorage {
  if (!storage && !("document" in globalThis)) return memoryStore();
  // The getter of `localStorage` itself throws where a page may not use it.
  const area = () => storage ?? globalThis.localStorage;
  return persistent({
    get: (key) => settle(() => area().getItem(key)),
    set: (key, value) => settle(() => area().setItem(key, value)),
    watch(key: string, changed: () => void) {
      const target: EventTarget = globalThis;
      const listener = (event: Event) => {
        // A null key is `clear()`.
        if (!("key" in event) || event.key === key || event.key === null) changed();
      };
      target.addEventListener("storage", listener);
      return () => target.removeEventListener("storage", listener);
    },
    lock(key, waitMs, run) {
      let isContended = false;
      const timer = setTimeout(() => isContended = true, CONTENDED_MS);
      return webLock(key, waitMs, async (held) => {
        clearTimeout(timer);
        if (isContended) await new Promise((resolve) => setTimeout(resolve, CATCH_UP_MS));
        return await run(held);
      });
    },
  });
}

/** A value at once, so that a page starts signed in; a failure as a rejection, as other stores have it. */
function settle<T>(run: () => T): T | Promise<T> {
  try {
    return run();
  } catch (error) {
    return Promise.reject(error);
  }
}
