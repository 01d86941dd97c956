const TICK_MS = 20;
const STALL_MS = 50;

/** How long this process was kept from running, so far. */
export interface Stalls extends Disposable {
  readonly totalMs: number;
}

/** Starts to measure: who asserts that something is over in time takes off what the machine did not give. */
export function watchStalls(): Stalls {
  let totalMs = 0;
  let tickedAt = performance.now();
  const timer = setInterval(() => {
    const lateMs = performance.now() - tickedAt - TICK_MS;
    if (lateMs > STALL_MS) totalMs += lateMs;
    tickedAt = performance.now();
  }, TICK_MS);
  return {
    get totalMs() {
      return totalMs;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
