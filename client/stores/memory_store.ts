import type { TokenStore } from "../token_store.ts";

/** Keeps the session for as long as the client lives. The default, and the only one for servers. */
export function memoryStore(): TokenStore {
  const values = new Map<string, string>();
  return {
    get: (key) => values.get(key) ?? null,
    set: (key, value) => void values.set(key, value),
    remove: (key) => void values.delete(key),
  };
}
