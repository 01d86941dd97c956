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
