import { type Clock, elapsedMs, type Stamp, takeStamp } from "./clock.ts";

/**
 * The database's clock, estimated from its last reading. Instances disagree about the time; the database dates
 * and ends everything, so tokens are judged by it too.
 */
export interface DatabaseClock {
  now(): Date;
  /** Takes a reading that the database made between `sent` and now. */
  observe(dbNowSeconds: number, sent: Stamp): void;
  /** Our two clocks have gone apart since the last reading: one was set, or the machine slept. Read again first. */
  isDoubtful(): boolean;
  /** How far this machine's clock is off, in milliseconds. */
  offsetMs(): number;
}

const DOUBT_MS = 2_000;

/** Builds an estimate that starts from this machine's own clock. */
export function createDatabaseClock(clock: Clock): DatabaseClock {
  let reading = { dbMs: clock.now().getTime(), at: takeStamp(clock) };
  const nowMs = () => reading.dbMs + elapsedMs(clock, reading.at);
  return {
    now: () => new Date(nowMs()),
    observe(dbNowSeconds, sent) {
      const at = takeStamp(clock);
      // Half of the way there and back, by the clock that cannot be set.
      reading = { at, dbMs: dbNowSeconds * 1_000 + (at.monotonicMs - sent.monotonicMs) / 2 };
    },
    isDoubtful() {
      const wallMs = clock.now().getTime() - reading.at.wallMs;
      const monotonicMs = clock.monotonicMs() - reading.at.monotonicMs;
      return Math.abs(wallMs - monotonicMs) > DOUBT_MS;
    },
    offsetMs: () => nowMs() - clock.now().getTime(),
  };
}
