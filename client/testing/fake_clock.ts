import type { ClientClock } from "../mod.ts";

/** A clock that stands still until a test moves it. */
export interface FakeClock extends ClientClock {
  /** The true time in milliseconds since 1970: what servers go by, whatever the device believes. */
  time(): number;
  /** What the device believes the time to be. */
  wall(): number;
  /** Milliseconds that the device has been awake. */
  monotonic(): number;
  /** Lets time pass: runs every timer that falls due, in order, and what follows from each. */
  advance(ms: number): Promise<void>;
  /** Somebody sets the device's clock, forward or back. */
  shiftWall(ms: number): void;
  /** The device sleeps: the true time goes on, no timer runs and `monotonic()` stands. */
  sleep(ms: number): void;
  /** As the global one, in this clock's time. */
  setTimeout(run: () => void, ms?: number): number;
  /** As the global one. */
  clearTimeout(id: number | undefined): void;
}

interface Timer {
  id: number;
  at: number;
  run: () => void;
}

// Taken at once: a test may put fake timers in their place. A turn of the event loop ends when every promise
// that could go on has gone on.
const { setTimeout: nativeTimeout } = globalThis;
const immediate: unknown = Reflect.get(globalThis, "setImmediate");
const nextTurn = typeof immediate === "function"
  ? (run: () => void) => void immediate(run)
  : (run: () => void) => void nativeTimeout(run, 0);

/**
 * Builds a clock for the client's `clock` option.
 *
 * @example
 * ```ts
 * import { fakeClock } from "@watchword/client/testing";
 *
 * const clock = fakeClock();
 * const before = clock.monotonic();
 * await clock.advance(600_000);
 * if (clock.monotonic() - before !== 600_000) throw new Error("time did not pass");
 * ```
 */
export function fakeClock(startAt: Date = new Date("2030-01-01T00:00:00Z")): FakeClock {
  let awakeMs = 0;
  let asleepMs = 0;
  let wallShiftMs = 0;
  let lastId = 0;
  let timers: Timer[] = [];

  const turn = () => new Promise<void>((resolve) => nextTurn(resolve));
  const time = () => startAt.getTime() + awakeMs + asleepMs;

  function takeDue(until: number): Timer | undefined {
    const due = timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at || a.id - b.id)[0];
    timers = timers.filter((timer) => timer !== due);
    return due;
  }

  return {
    time,
    wall: () => time() + wallShiftMs,
    monotonic: () => awakeMs,
    async advance(ms) {
      const until = awakeMs + ms;
      await turn();
      for (let due = takeDue(until); due !== undefined; due = takeDue(until)) {
        awakeMs = Math.max(awakeMs, due.at);
        due.run();
        await turn();
      }
      awakeMs = Math.max(awakeMs, until);
    },
    shiftWall: (ms) => void (wallShiftMs += ms),
    sleep: (ms) => void (asleepMs += ms),
    setTimeout(run, ms = 0) {
      timers.push({ id: ++lastId, at: awakeMs + Math.max(0, ms), run });
      return lastId;
    },
    clearTimeout(id) {
      timers = timers.filter((timer) => timer.id !== id);
    },
  };
}
