import type { FakeClock } from "./fake_clock.ts";

interface Waiter {
  owner: unknown;
  grant: () => void;
}

interface LockRequest<T> {
  key: string;
  waitMs: number;
  run: (held: boolean) => Promise<T>;
  /** What the owner must wait for before it can go on. */
  pass: () => Promise<void>;
}

/** Locks as the Web Locks API has them: first come, first served, and free when their owner is gone. */
export function createTabLocks(clock: Pick<FakeClock, "setTimeout" | "clearTimeout">) {
  // By key; the first one of each holds the lock.
  const queues = new Map<string, Waiter[]>();

  function leave(key: string, isLeaving: (waiter: Waiter) => boolean): void {
    const queue = queues.get(key) ?? [];
    const rest = queue.filter((waiter) => !isLeaving(waiter));
    queues.set(key, rest);
    if (rest[0] !== queue[0]) rest[0]?.grant();
  }

  return {
    /** Runs with the lock or, after `waitMs`, without it. */
    async request<T>(owner: unknown, { key, waitMs, run, pass }: LockRequest<T>): Promise<T> {
      const granted = Promise.withResolvers<boolean>();
      const waiter: Waiter = { owner, grant: () => granted.resolve(true) };
      const queue = queues.get(key) ?? [];
      queues.set(key, [...queue, waiter]);
      if (queue.length === 0) waiter.grant();
      const timer = clock.setTimeout(() => granted.resolve(false), waitMs);
      const held = await granted.promise;
      clock.clearTimeout(timer);
      if (!held) leave(key, (other) => other === waiter);
      await pass();
      try {
        return await run(held);
      } finally {
        if (held) leave(key, (other) => other === waiter);
      }
    },
    /** Gives up everything that an owner holds or waits for. */
    releaseAll(owner: unknown): void {
      for (const key of queues.keys()) leave(key, (waiter) => waiter.owner === owner);
    },
  };
}
