import { refuse } from "../auth_error.ts";
import type { Store } from "../store/connect.ts";
import { clearCount, countDown, countUp } from "../store/throttle.ts";

/** Guesses at the secrets of accounts, counted in Postgres. */
export interface Guesses {
  /**
   * Reserves a guess, checks it, and forgives the account's guesses when it was right. Reserved before it is
   * checked, so that any number of parallel guesses count exactly; given back when the check could not be made.
   *
   * @throws RATE_LIMITED when no guess is left, and whatever the check throws
   */
  check(account: string, isRight: () => Promise<boolean>): Promise<boolean>;
}

interface GuessesDeps {
  store: Store;
  keyOf: (account: string) => Promise<Uint8Array>;
  max: number;
  windowSeconds: number;
}

/** What is going on for one account on this instance. */
interface Bout {
  active: number;
  waiting: { retry(): void; giveUp(): void }[];
}

const WAITING_MAX = 200;
const WAIT_MAX_MS = 2_000;

/**
 * Builds the counter. Guesses above the limit wait for those under way: one right one among them makes room,
 * so somebody who signs in twenty times at once is no attacker.
 */
export function createGuesses({ store, keyOf, max, windowSeconds }: GuessesDeps): Guesses {
  const bouts = new Map<string, Bout>();

  function enter(account: string): Bout {
    const bout = bouts.get(account) ?? { active: 0, waiting: [] };
    bouts.set(account, bout);
    bout.active++;
    return bout;
  }

  function leave(account: string, bout: Bout, { wasRight }: { wasRight: boolean }): void {
    bout.active--;
    if (!wasRight && bout.active > 0) return;
    const waiting = bout.waiting.splice(0);
    for (const waiter of waiting) wasRight ? waiter.retry() : waiter.giveUp();
    if (bout.active === 0) bouts.delete(account);
  }

  /** Waits until there may be room again. @returns false when there will be none */
  function waitForRoom(bout: Bout): Promise<boolean> {
    if (bout.waiting.length >= WAITING_MAX) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), WAIT_MAX_MS);
      const settle = (hasRoom: boolean) => () => {
        clearTimeout(timer);
        resolve(hasRoom);
      };
      bout.waiting.push({ retry: settle(true), giveUp: settle(false) });
    });
  }

  /** Counts one up while active in the bout, so that others know that something is under way. */
  async function countActive(account: string, key: Uint8Array) {
    const bout = enter(account);
    try {
      return { bout, ...await store.query((db) => countUp(db, key, windowSeconds)) };
    } catch (error) {
      leave(account, bout, { wasRight: false });
      throw error;
    }
  }

  /** Reserves a guess; afterwards the caller is active in the bout. */
  async function reserve(account: string, key: Uint8Array): Promise<Bout> {
    for (;;) {
      const { bout, count, retryAfterSeconds } = await countActive(account, key);
      if (count <= max) return bout;
      const room = bout.active > 1 ? waitForRoom(bout) : Promise.resolve(false);
      leave(account, bout, { wasRight: false });
      if (!await room) throw refuse("RATE_LIMITED", { retryAfterSeconds });
    }
  }

  return {
    async check(account, isRight) {
      const key = await keyOf(account);
      const bout = await reserve(account, key);
      let wasRight = false;
      try {
        wasRight = await isRight();
        if (wasRight) await store.query((db) => clearCount(db, key));
        return wasRight;
      } catch (error) {
        // Nothing was learnt, so nothing was guessed.
        if (!wasRight) await store.query((db) => countDown(db, key)).catch(() => {});
        throw error;
      } finally {
        leave(account, bout, { wasRight });
      }
    },
  };
}
