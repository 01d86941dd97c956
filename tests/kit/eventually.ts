const LOOK_EVERY_MS = 50;

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/**
 * Asks until the answer is yes. Time in which this process was kept from running does not count.
 *
 * @throws with `what` when it is not within `maxMs`
 */
export async function eventually(what: string, maxMs: number, ask: () => unknown): Promise<void> {
  let giveUpAt = performance.now() + maxMs;
  while (!await ask()) {
    const pausedAt = performance.now();
    if (pausedAt > giveUpAt) throw new Error(`not within ${maxMs} ms: ${what}`);
    await pause(LOOK_EVERY_MS);
    giveUpAt += Math.max(0, performance.now() - pausedAt - LOOK_EVERY_MS);
  }
}
