import { AuthError } from "./auth_error.ts";

/** An app's own code that took too long: whoever waits for it comes back later. */
export class AppTooSlow extends AuthError {
  constructor() {
    super("UNAVAILABLE", { retryAfterSeconds: 1 });
  }
}

/**
 * Waits for an app's own code, or for what the caller need not see the end of, for so long. What comes later is
 * nobody's.
 *
 * @throws AppTooSlow
 */
export async function finishWithin<T>(maxMs: number, run: () => T | Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) =>
    timer = setTimeout(() => reject(new AppTooSlow()), maxMs)
  );
  const running = (async () => await run())();
  running.catch(() => {});
  try {
    return await Promise.race([running, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
