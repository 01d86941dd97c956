import { decodeRecord, encodeRecord, type SessionRecord, type TokenStore } from "./token_store.ts";

/** The one place of a store that a session is kept in. */
export interface SessionStore {
  /** What is there; null for nothing, or for what is no record. @throws anything, when the store does not answer */
  read(): Promise<SessionRecord | null>;
  /** @returns whether it was written */
  write(record: SessionRecord): Promise<boolean>;
  /** Never rejects. */
  remove(): Promise<void>;
  /** Runs alone among all who share the store, or tells that it could not. */
  lock<T>(run: (isAlone: boolean) => Promise<T>, waitMs?: number): Promise<T>;
  /** @returns what stops it */
  watch(changed: () => void): () => void;
}

interface SessionStoreOptions {
  store: TokenStore;
  key: string;
  lockWaitMs: number;
  /** The refresh token is in a cookie: nothing secret is stored here. */
  isCookieMode: boolean;
}

const ANSWER_MAX_MS = 3_000;

/** Runs what a store does, which may throw at once, reject later, or never answer. */
function ask<T>(run: () => T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("The store does not answer")), ANSWER_MAX_MS);
    (async () => await run())().then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Builds it over a store that may be forbidden, full, slow or silent. */
export function createSessionStore(
  { store, key, lockWaitMs, isCookieMode }: SessionStoreOptions,
): SessionStore {
  // In the order in which they were asked for: what is slow to be written must not come after its removal.
  let last: Promise<unknown> | null = null;
  function askInTurn(run: () => void | Promise<void>): Promise<void> {
    const done = last === null ? (async () => await run())() : last.then(run);
    const settled = last = done.catch(() => {}).then(() => {
      if (last === settled) last = null;
    });
    return ask(() => done);
  }

  return {
    read: async () => decodeRecord(await ask(() => store.get(key))),
    write(record) {
      const kept = isCookieMode ? { ...record, accessToken: "", refreshToken: "" } : record;
      return askInTurn(() => store.set(key, encodeRecord(kept))).then(() => true, () => false);
    },
    remove: () => askInTurn(() => store.remove(key)).catch(() => {}),
    lock: (run, waitMs = lockWaitMs) => store.lock?.(key, waitMs, run) ?? run(true),
    watch: (changed) => store.watch?.(key, changed) ?? (() => {}),
  };
}
