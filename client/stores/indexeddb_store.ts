import type { TokenStore } from "../token_store.ts";
import { createConnection } from "./indexeddb_connection.ts";
import { webLock } from "./web_lock.ts";

/**
 * Keeps the session in IndexedDB, shared by the pages and service workers of an origin. Nothing is opened before
 * the first use.
 *
 * Any script of the origin can read it: an app that cannot rule out injected script should prefer cookie mode.
 * Where IndexedDB is forbidden, full or absent, the call rejects.
 *
 * @param name of the database @default "watchword"
 */
export function indexedDbStore(name = "watchword"): TokenStore {
  const run = createConnection(name);
  const watchers = new Set<{ key: string; changed: () => void }>();
  let channel: BroadcastChannel | null = null;

  function announce(key: string): void {
    // A channel does not hear itself: sent on the one that listens, the change is told to the others alone.
    const sender = channel ?? openChannel(name);
    sender?.postMessage(key);
    if (sender !== channel) sender?.close();
  }

  return {
    async get(key) {
      const value = await run("readonly", (sessions) => sessions.get(key));
      return typeof value === "string" ? value : null;
    },
    async set(key, value) {
      await run("readwrite", (sessions) => sessions.put(value, key));
      announce(key);
    },
    async remove(key) {
      await run("readwrite", (sessions) => sessions.delete(key));
      announce(key);
    },
    watch(key, changed) {
      const watcher = { key, changed };
      watchers.add(watcher);
      channel ??= openChannel(name);
      channel?.addEventListener("message", ({ data }) => {
        if (data === key && watchers.has(watcher)) changed();
      });
      return () => {
        watchers.delete(watcher);
        if (watchers.size > 0) return;
        channel?.close();
        channel = null;
      };
    },
    lock: webLock,
  };
}

/** Older browsers have none: their pages notice a change when they next read. */
function openChannel(name: string): BroadcastChannel | null {
  return typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(`watchword:${name}`);
}
