type MaybePromise<T> = T | Promise<T>;

/**
 * Where a session is kept between runs. A value is one opaque string of at most 8 KiB. Of a session that is over its
 * id stays, and nothing secret, so that a slow tab cannot bring it back.
 */
export interface TokenStore {
  get(key: string): MaybePromise<string | null>;
  set(key: string, value: string): MaybePromise<void>;
  /** Calls back when somebody else (another tab) changed the key. @returns what stops it */
  watch?(key: string, changed: () => void): () => void;
  /**
   * Runs alone among all who share the store. After `waitMs` without the lock it runs all the same, with `held`
   * false: a lock is only an optimisation.
   */
  lock?<T>(key: string, waitMs: number, run: (held: boolean) => Promise<T>): Promise<T>;
}
