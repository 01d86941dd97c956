import { pause } from "./eventually.ts";

const TRIES_MAX = 20;

/**
 * Sends again what a busy machine put off with 503, as clients do: for bursts of calls that may be repeated, whose
 * promise is what comes of them.
 */
export async function sendUntilServed<Answer extends { status: number }>(
  send: () => Promise<Answer>,
): Promise<Answer> {
  for (let tries = 1;; tries++) {
    const answer = await send();
    if (answer.status !== 503 || tries === TRIES_MAX) return answer;
    await pause(200);
  }
}
