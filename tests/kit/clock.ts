import type { Clock } from "@watchword/server";

/** A clock that stands where the test puts it, relative to the real one. */
export interface TestClock extends Clock {
  shiftMs: number;
}

/** A clock that runs like the machine's until it is shifted. */
export function testClock(): TestClock {
  return {
    shiftMs: 0,
    now() {
      return new Date(Date.now() + this.shiftMs);
    },
    monotonicMs() {
      return performance.now() + this.shiftMs;
    },
  };
}
