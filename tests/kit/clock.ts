import type { Clock } from "@watchword/server";

/** A clock that stands where the test puts it, relative to the real one. */
export interface TestClock extends Clock {
  shiftMs: number;
}

/**
 * Lets services notice that the database's clock was moved. Each estimates that clock when it looks at the
 * denylist; the second look has begun after the move for sure.
 */
export async function noticeClock(...origins: string[]): Promise<void> {
  for (const origin of origins) {
    for (let looks = 0; looks < 2; looks++) await (await fetch(`${origin}/health/ready`)).body?.cancel();
  }
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
