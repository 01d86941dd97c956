import { setImmediate } from "node:timers";
import { DatabaseUnavailable } from "../store/errors.ts";

interface CoalesceOptions {
  /** Look-ups under way at once. */
  inFlightMax?: number;
  /** Questions in one look-up. */
  batchMax?: number;
  /** Questions that wait for a look-up to begin. */
  waitingMax?: number;
}

interface Waiting<Question, Answer> {
  question: Question;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/**
 * Lets all questions asked in one turn share one look-up. An answer always comes from a look-up that began
 * after its question was asked, so it is as fresh as a query of one's own.
 *
 * @param look answers many questions at once: it returns what answers each
 */
export function coalesce<Question, Answer>(
  look: (questions: Question[]) => Promise<(question: Question) => Answer>,
  { inFlightMax = 2, batchMax = 1_000, waitingMax = 10_000 }: CoalesceOptions = {},
): (question: Question) => Promise<Answer> {
  let waiting: Waiting<Question, Answer>[] = [];
  let inFlight = 0;
  let isScheduled = false;

  function schedule() {
    if (isScheduled || inFlight >= inFlightMax || waiting.length === 0) return;
    isScheduled = true;
    // After this turn of the event loop, so that all calls that arrived in it share the look-up.
    setImmediate(() => void flush());
  }

  async function flush() {
    isScheduled = false;
    const batch = waiting.slice(0, batchMax);
    waiting = waiting.slice(batchMax);
    inFlight++;
    schedule();
    try {
      const answer = await look(batch.map((entry) => entry.question));
      for (const entry of batch) entry.resolve(answer(entry.question));
    } catch (error) {
      for (const entry of batch) entry.reject(error);
      // No answer in time: those who wait behind would only wait as long again.
      if (error instanceof DatabaseUnavailable) {
        for (const entry of waiting.splice(0)) entry.reject(error);
      }
    } finally {
      inFlight--;
      schedule();
    }
  }

  return (question) =>
    new Promise((resolve, reject) => {
      if (waiting.length >= waitingMax) {
        return reject(new DatabaseUnavailable("too many look-ups are waiting"));
      }
      waiting.push({ question, resolve, reject });
      schedule();
    });
}
