import type { Clock } from "./clock.ts";

/**
 * The database's clock, estimated. Instances disagree about the time; the database dates and ends everything,
 * so tokens are judged by it too.
 */
export interface DatabaseClock {
  now(): Date;
  /** Takes a reading that the database made between `sentAt` and now. */
  observe(dbNowSeconds: number, sentAt: Date): void;
  /** How far this machine's clock is off, in milliseconds. */
  offsetMs(): number;
}

/** Builds an estimate that starts from this machine's own clock. */
export function createDatabaseClock(clock: Clock): DatabaseClock {
  let offsetMs = 0;
  return {
    now: () => new Date(clock.now().getTime() + offsetMs),
    observe(dbNowSeconds, sentAt) {
      const midway = (sentAt.getTime() + clock.now().getTime()) / 2;
      offsetMs = dbNowSeconds * 1_000 - midway;
    },
    offsetMs: () => offsetMs,
  };
}
