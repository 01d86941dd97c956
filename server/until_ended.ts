import type { AuthError } from "./auth_error.ts";

/**
 * Ends an open stream when its caller's session, token or certainty ends. `watch` calls back about every second.
 */
export async function* untilEnded<T>(
  source: AsyncIterable<T>,
  { watch, findEnd }: { watch: (tick: () => void) => () => void; findEnd: () => AuthError | null },
): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  let end: (error: AuthError) => void = () => {};
  const ended = new Promise<never>((_, reject) => end = reject);
  ended.catch(() => {});
  const unwatch = watch(() => {
    const error = findEnd();
    if (error !== null) end(error);
  });
  try {
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), ended]);
      if (done) return;
      yield value;
    }
  } finally {
    unwatch();
    // Not awaited: a source that waits for its next event would hold the closing up until then.
    iterator.return?.()?.catch(() => {});
  }
}

/** Tells whether a procedure answered with a stream. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
