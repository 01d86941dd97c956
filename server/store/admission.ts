import { systemClock } from "../clock.ts";
import { DatabaseUnavailable } from "./errors.ts";

/** Lets a bounded number of jobs at the database, each with a deadline. */
export interface Admission {
  /**
   * Runs a job when a place is free. What misses its deadline while it waits is never begun, so nothing happens
   * after its caller was told 503.
   *
   * @throws DatabaseUnavailable at the deadline, or at once when too many wait
   */
  run<T>(job: () => Promise<T>, deadlineMs: number): Promise<T>;
}

interface AdmissionOptions {
  places: number;
  waitingMax: number;
  /** Called when jobs go unanswered and nothing at all has been answered for so long: the connections are dead. */
  onSilence: () => void;
  silenceMs: number;
}

/** Builds an empty queue. I/O has the machine's own time, whatever clock the product was given. */
export function createAdmission({ places, waitingMax, onSilence, silenceMs }: AdmissionOptions): Admission {
  // Places of connections that were given up are nobody's: each set of connections has its own count.
  let running = { count: 0 };
  let answeredAtMs = systemClock.monotonicMs();
  const waiting: (() => void)[] = [];

  function next(): void {
    while (running.count < places && waiting.length > 0) waiting.shift()?.();
  }

  function checkSilence(): void {
    if (systemClock.monotonicMs() - answeredAtMs < silenceMs) return;
    answeredAtMs = systemClock.monotonicMs();
    running = { count: 0 };
    onSilence();
    next();
  }

  function begin<T>(job: () => Promise<T>): Promise<T> {
    const mine = running;
    // Idle until now: silence is counted from here.
    if (mine.count === 0) answeredAtMs = systemClock.monotonicMs();
    mine.count++;
    const settle = () => {
      mine.count--;
      if (mine === running) answeredAtMs = systemClock.monotonicMs();
      next();
    };
    const result = (async () => await job())();
    result.then(settle, settle);
    return result;
  }

  return {
    run<T>(job: () => Promise<T>, deadlineMs: number): Promise<T> {
      if (waiting.length >= waitingMax) {
        return Promise.reject(new DatabaseUnavailable("too many queries are waiting"));
      }
      return new Promise<T>((resolve, reject) => {
        const start = () => void begin(job).then(resolve, reject).finally(() => clearTimeout(timer));
        const timer = setTimeout(() => {
          const place = waiting.indexOf(start);
          if (place >= 0) waiting.splice(place, 1);
          reject(new DatabaseUnavailable("no answer in time"));
          checkSilence();
        }, deadlineMs);
        if (running.count < places) start();
        else waiting.push(start);
      });
    },
  };
}
