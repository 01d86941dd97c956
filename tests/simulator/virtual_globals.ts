import type { FakeClock } from "@watchword/client/testing";

/** Puts the globals that depend on time or chance under a schedule's control until it is disposed of. */
export function useVirtualGlobals(clock: FakeClock, seed: number): Disposable {
  const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
  const { timeout } = AbortSignal;
  const { random } = Math;
  const intervals = new Map<number, number>();

  function repeat(run: () => void, ms: number, id?: number): number {
    const next = clock.setTimeout(() => {
      run();
      if (intervals.has(key)) repeat(run, ms, key);
    }, Math.max(1, ms));
    const key = id ?? next;
    intervals.set(key, next);
    return key;
  }

  Object.assign(globalThis, {
    setTimeout: (run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) =>
      clock.setTimeout(() => run(...args), ms),
    clearTimeout: (id: number | undefined) => clock.clearTimeout(id),
    setInterval: (run: () => void, ms = 0) => repeat(run, ms),
    clearInterval(id: number | undefined) {
      clock.clearTimeout(intervals.get(id ?? -1));
      intervals.delete(id ?? -1);
    },
  });
  AbortSignal.timeout = (ms) => {
    const controller = new AbortController();
    clock.setTimeout(() => controller.abort(new DOMException("timed out", "TimeoutError")), ms);
    return controller.signal;
  };
  let state = seed >>> 0;
  Math.random = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;

  return {
    [Symbol.dispose]() {
      Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval });
      AbortSignal.timeout = timeout;
      Math.random = random;
    },
  };
}
