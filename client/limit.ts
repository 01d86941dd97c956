/**
 * Runs something no longer than some milliseconds, or than a signal lasts, whatever it makes of the signal that it is
 * given itself.
 *
 * @throws the reason of the signal that was aborted, an `Error` when the time is up, or what `run` throws
 */
export async function limit<T>(
  run: (signal: AbortSignal) => T | Promise<T>,
  { ms, signals }: { ms?: number; signals: (AbortSignal | null | undefined)[] },
): Promise<T> {
  const controller = new AbortController();
  let stop = () => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => {
      const reason = signals.find((signal) => signal?.aborted)?.reason ?? new Error("No answer in time");
      controller.abort(reason);
      reject(reason);
    };
  });
  const timer = ms && setTimeout(stop, ms);
  for (const signal of signals) signal?.addEventListener("abort", stop);
  try {
    if (signals.some((signal) => signal?.aborted)) stop();
    return await Promise.race([stopped, controller.signal.aborted ? stopped : run(controller.signal)]);
  } finally {
    clearTimeout(timer);
    for (const signal of signals) signal?.removeEventListener("abort", stop);
  }
}
