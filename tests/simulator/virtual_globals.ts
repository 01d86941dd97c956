import { AsyncLocalStorage } from "node:async_hooks";
import type { FakeClock, Tab } from "@watchword/client/testing";

/** The tab whose code is running: its timers stand still when it is frozen, and are gone when it is closed. */
export const runningTab = new AsyncLocalStorage<Tab>();

/** Puts the globals that depend on time or chance under a schedule's control until it is disposed of. */
export function useVirtualGlobals(clock: FakeClock, seed: number): Disposable {
  const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
  const { timeout } = AbortSignal;
  const { random } = Math;
  const intervals = new Map<number, number>();

  function repeat(run: () => void, ms: number, id?: number): number {
    const next = schedule(() => {
      run();
      if (intervals.has(key)) repeat(run, ms, key);
    }, Math.max(1, ms));
    const key = id ?? next;
    intervals.set(key, next);
    return key;
  }

  const waiting = new Set<number>();

  function schedule(run: () => void, ms = 0): number {
    const tab = runningTab.getStore();
    const id: number = (tab?.options.clock ?? clock).setTimeout(() => {
      // Cleared while its tab was frozen.
      if (!waiting.delete(id)) return;
      if (tab === undefined) run();
      else runningTab.run(tab, run);
    }, ms);
    waiting.add(id);
    return id;
  }

  Object.assign(globalThis, {
    setTimeout: (run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) =>
      schedule(() => run(...args), ms),
    clearTimeout(id: number | undefined) {
      waiting.delete(id ?? -1);
      clock.clearTimeout(id);
    },
    setInterval: (run: () => void, ms = 0) => repeat(run, ms),
    clearInterval(id: number | undefined) {
      clock.clearTimeout(intervals.get(id ?? -1));
      intervals.delete(id ?? -1);
    },
  });
  AbortSignal.timeout = (ms) => {
    const controller = new AbortController();
    schedule(() => controller.abort(new DOMException("timed out", "TimeoutError")), ms);
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
