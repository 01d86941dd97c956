import type { Clock } from "../clock.ts";

/** Fixed-window counters in memory, bounded. */
interface LocalCounter {
  countUp(key: string, windowSeconds: number): { count: number; retryAfterSeconds: number };
  find(key: string): { count: number; retryAfterSeconds: number };
}

const KEYS_MAX = 20_000;

/** Builds an empty counter. Above 20,000 keys the oldest windows are forgotten first. */
export function createLocalCounter(clock: Clock): LocalCounter {
  const windows = new Map<string, { count: number; endsAtMs: number }>();

  function read(key: string) {
    const window = windows.get(key);
    return window && window.endsAtMs > clock.monotonicMs() ? window : undefined;
  }
  const report = ({ count, endsAtMs }: { count: number; endsAtMs: number }) => ({
    count,
    retryAfterSeconds: Math.max(1, Math.ceil((endsAtMs - clock.monotonicMs()) / 1_000)),
  });

  return {
    countUp(key, windowSeconds) {
      let window = read(key);
      if (window === undefined) {
        windows.delete(key);
        const oldest = windows.size >= KEYS_MAX ? windows.keys().next().value : undefined;
        if (oldest !== undefined) windows.delete(oldest);
        window = { count: 0, endsAtMs: clock.monotonicMs() + windowSeconds * 1_000 };
        windows.set(key, window);
      }
      window.count++;
      return report(window);
    },
    find: (key) => report(read(key) ?? { count: 0, endsAtMs: clock.monotonicMs() }),
  };
}
