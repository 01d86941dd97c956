/** Where time comes from: injected, so that tests never wait. */
export interface Clock {
  /** Wall-clock time of this machine. Only ever compared after correction to the database's clock. */
  now(): Date;
  /** Milliseconds that never go backwards, from an arbitrary start. */
  monotonicMs(): number;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};

/** A moment by both clocks. */
export interface Stamp {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** Takes the time. */
export function takeStamp(clock: Clock): Stamp {
  return { wallMs: clock.now().getTime(), monotonicMs: clock.monotonicMs() };
}

/**
 * Milliseconds since a moment: the larger of what both clocks say. The monotonic one may stand still while the
 * machine sleeps, and the other one may be set back.
 */
export function elapsedMs(clock: Clock, since: Stamp): number {
  return Math.max(clock.monotonicMs() - since.monotonicMs, clock.now().getTime() - since.wallMs);
}
