import { persistent } from "../persistent.ts";
import type { SessionStorage } from "../shared_session.ts";

/** Keeps the session in memory, for several clients to share. One client alone needs no storage for that. */
export function memoryStore(): SessionStorage {
  const values = new Map<string, string>();
  return persistent({
    get: (key) => values.get(key) ?? null,
    set: (key, value) => void values.set(key, value),
  });
}
