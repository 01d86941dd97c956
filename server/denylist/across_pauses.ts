import { type Clock, elapsedMs, takeStamp } from "../clock.ts";
import { isDatabaseUnavailable } from "../store/errors.ts";

/**
 * Asks once more when this machine stood still while it waited (SIGSTOP, a moved virtual machine, a closed lid):
 * the deadline went by, but nobody has waited for Postgres. Only for what may run twice.
 */
export function acrossPauses<Question, Answer>(
  look: (question: Question) => Promise<Answer>,
  { clock, deadlineMs }: { clock: Clock; deadlineMs: number },
): (question: Question) => Promise<Answer> {
  return async (question) => {
    const started = takeStamp(clock);
    try {
      return await look(question);
    } catch (error) {
      const hasStoodStill = elapsedMs(clock, started) > 2 * deadlineMs;
      if (!isDatabaseUnavailable(error) || !hasStoodStill) throw error;
      return await look(question);
    }
  };
}
