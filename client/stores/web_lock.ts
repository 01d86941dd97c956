import type { TokenStore } from "../token_store.ts";

interface LockManagerLike {
  request(name: string, options: { signal: AbortSignal }, granted: () => Promise<void>): Promise<unknown>;
}

/**
 * The `lock` of stores that the pages and workers of an origin share (Web Locks API). Where there are no Web
 * Locks, as outside a secure context, or a frozen page keeps the lock, `run` runs without it.
 */
export const webLock: NonNullable<TokenStore["lock"]> = async (key, waitMs, run) => {
  const release = await acquire(`watchword:${key}`, waitMs);
  try {
    return await run(release !== null);
  } finally {
    release?.();
  }
};

/** @returns what releases the lock, null without it */
function acquire(name: string, waitMs: number): Promise<(() => void) | null> {
  return new Promise((resolve) => {
    const waiting = new AbortController();
    const timer = setTimeout(() => settle(null), waitMs);

    // A request that is not aborted would be granted one day, to nobody.
    function settle(release: (() => void) | null): void {
      clearTimeout(timer);
      resolve(release);
      if (release === null) waiting.abort();
    }

    async function request(): Promise<void> {
      const locks = Reflect.get(Object(globalThis.navigator), "locks") as LockManagerLike | undefined;
      if (locks === undefined) return settle(null);
      // Granted in the moment of giving up: the lock is free again when this returns.
      const granted = async () => waiting.signal.aborted ? undefined : await new Promise<void>(settle);
      await locks.request(name, { signal: waiting.signal }, granted);
    }

    request().catch(() => settle(null));
  });
}
