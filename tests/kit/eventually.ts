export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Asks until the answer is yes. @throws with `what` when it is not within `maxMs` */
export async function eventually(what: string, maxMs: number, ask: () => unknown): Promise<void> {
  const giveUpAt = performance.now() + maxMs;
  while (!await ask()) {
    if (performance.now() > giveUpAt) throw new Error(`not within ${maxMs} ms: ${what}`);
    await pause(50);
  }
}
