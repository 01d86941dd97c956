import { refuse } from "../auth_error.ts";
import { hmac } from "../tokens/derive_key.ts";
import type { Store } from "../store/connect.ts";
import { countUp } from "../store/throttle.ts";
import type { Clock } from "../clock.ts";
import { createGuesses, type Guesses } from "./guesses.ts";
import { createLocalCounter } from "./local_counter.ts";

interface Limit {
  max: number;
  windowSeconds: number;
}

/** Every limit of contract.md §3. */
export const limitTable = {
  /** Registrations of one client network. */
  register: { max: 60, windowSeconds: 600 },
  /** Sign-ins and step-ups of one client network, right or wrong. */
  login: { max: 100, windowSeconds: 600 },
  /** Wrong passwords for one account. */
  guesses: { max: 10, windowSeconds: 900 },
  /** Rotations of one session. */
  rotations: { max: 60, windowSeconds: 60 },
  /** Repeated answers for one session: each costs a lock, so they too have an end. */
  replays: { max: 600, windowSeconds: 60 },
  /** Refused refreshes of one client network. */
  refusedRefreshes: { max: 120, windowSeconds: 60 },
  /** Forged or broken bearers of one client network. */
  refusedBearers: { max: 300, windowSeconds: 60 },
} as const satisfies Record<string, Limit>;

/** Limits shared by all instances, counted in Postgres. */
export type SharedLimit = "register" | "login";
/** Limits of each instance by itself: what they count must not cost a query. */
export type LocalLimit = "rotations" | "replays" | "refusedRefreshes" | "refusedBearers";

/** Slows down whoever guesses or floods. */
export interface Limits {
  /** Counts one. @throws RATE_LIMITED above the limit */
  take(limit: SharedLimit, subject: string): Promise<void>;
  /** Guesses at an account's password. */
  readonly guesses: Guesses;
  /** Counts one on this instance. @throws RATE_LIMITED above the limit */
  takeLocal(limit: LocalLimit, subject: string): void;
  /** Counts one on this instance, and lets it pass. */
  countLocal(limit: LocalLimit, subject: string): void;
  /** @throws RATE_LIMITED when the limit is used up; counts nothing */
  requireLocal(limit: LocalLimit, subject: string): void;
}

interface LimitsDeps {
  store: Store;
  clock: Clock;
  /** Keys the counters, so that the table names neither accounts nor networks. */
  key: CryptoKey;
  enabled: boolean;
}

const encoder = new TextEncoder();

/** Builds the limits; disabled, they let everything pass. */
export function createLimits({ store, clock, key, enabled }: LimitsDeps): Limits {
  const local = createLocalCounter(clock);
  const keyOf = async (limit: string, subject: string) =>
    (await hmac(key, encoder.encode(`${limit}\n${subject}`))).slice(0, 16);

  function check(limit: Limit, { count, retryAfterSeconds }: { count: number; retryAfterSeconds: number }) {
    if (count > limit.max) throw refuse("RATE_LIMITED", { retryAfterSeconds });
  }

  const guesses = createGuesses({
    store,
    keyOf: (account) => keyOf("guesses", account),
    ...limitTable.guesses,
  });

  return {
    async take(limit, subject) {
      if (!enabled) return;
      const counterKey = await keyOf(limit, subject);
      const { windowSeconds } = limitTable[limit];
      check(limitTable[limit], await store.query((db) => countUp(db, counterKey, windowSeconds)));
    },
    guesses: enabled ? guesses : { check: (_account, isRight) => isRight() },
    takeLocal(limit, subject) {
      if (enabled) {
        check(limitTable[limit], local.countUp(`${limit}\n${subject}`, limitTable[limit].windowSeconds));
      }
    },
    countLocal(limit, subject) {
      local.countUp(`${limit}\n${subject}`, limitTable[limit].windowSeconds);
    },
    requireLocal(limit, subject) {
      if (!enabled) return;
      const { count, retryAfterSeconds } = local.find(`${limit}\n${subject}`);
      check(limitTable[limit], { count: count + 1, retryAfterSeconds });
    },
  };
}
