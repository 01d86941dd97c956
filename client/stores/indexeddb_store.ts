/**
 * The session in IndexedDB, shared by the pages and service workers of an origin.
 *
 * @module
 */
import { persistent } from "../persistent.ts";
import type { SessionStorage } from "../shared_session.ts";
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
export function indexedDbStore(name = "watchword"): SessionStorage {
  const run = createConnection(name);
  const watchers = new Set<{ key: string; changed: () => void }>();
  let channel: BroadcastChannel | null = null;

  function announce(key: string): void {
    // A channel does not hear itself: sent on the one that listens, the change is told to the others alone.
    const sender = channel ?? openChannel(name);
    sender?.postMessage(key);
    if (sender !== channel) sender?.close();
  }

  return persistent({
    async get(key) {
      const value = await run("readonly", (sessions) => sessions.get(key));
      return typeof value === "string" ? value : null;
    },
    async set(key, value) {
      await run("readwrite", (sessions) => sessions.put(value, key));
      announce(key);
    },
    watch(key, changed) {
      const watcher = { key, changed };
      watchers.add(watcher);
      channel ??= openChannel(name);
      const listener = ({ data }: MessageEvent) => {
        if (data === key) changed();
      };
      channel?.addEventListener("message", listener);
      return () => {
        watchers.delete(watcher);
        channel?.removeEventListener("message", listener);
        if (watchers.size > 0) return;
        channel?.close();
        channel = null;
      };
    },
    lock: webLock,
  });
}

/** Older browsers have none, and some forbid it with the storage: their pages notice a change when they next read. */
function openChannel(name: string): BroadcastChannel | null {
  try {
    return new BroadcastChannel(`watchword:${name}`);
  } catch {
    return null;
  }
}
