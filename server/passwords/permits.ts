import { refuse } from "../auth_error.ts";

/** Runs costly jobs, a few at a time. */
export interface Permits {
  /**
   * Waits for a permit and runs the job under it. The permit belongs to the job: a caller that goes away
   * frees nothing early.
   *
   * @throws OVERLOADED when too many wait, or the wait is too long
   */
  run<T>(job: () => Promise<T>): Promise<T>;
}

interface PermitOptions {
  permitCount: number;
  queueMax?: number;
  waitMaxMs?: number;
}

/** Builds a bounded queue in front of a fixed number of permits. */
export function createPermits({ permitCount, queueMax = 64, waitMaxMs = 2_000 }: PermitOptions): Permits {
  let free = permitCount;
  const queue: (() => void)[] = [];

  function acquire(): Promise<void> {
    if (free > 0) {
      free--;
      return Promise.resolve();
    }
    if (queue.length >= queueMax) return Promise.reject(refuse("OVERLOADED", { retryAfterSeconds: 1 }));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(start), 1);
        reject(refuse("OVERLOADED", { retryAfterSeconds: 1 }));
      }, waitMaxMs);
      const start = () => {
        clearTimeout(timer);
        resolve();
      };
      queue.push(start);
    });
  }

  function release() {
    const start = queue.shift();
    if (start) start();
    else free++;
  }

  return {
    async run(job) {
      await acquire();
      try {
        return await job();
      } finally {
        release();
      }
    },
  };
}
