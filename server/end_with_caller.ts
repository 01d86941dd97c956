import { isObservable, observableToAsyncIterable } from "@trpc/server/observable";
import type { AuthError } from "./auth_error.ts";

/** How a stream learns that its caller may not go on. */
export interface StreamEnd {
  /** Calls back about every second. @returns what stops it */
  watch: (tick: () => void) => () => void;
  /** Why the stream must end now, or null. */
  findEnd: () => Promise<AuthError | null>;
  /** Aborts when the client goes. */
  signal: AbortSignal;
}

/** A promise that rejects when the caller may not go on, and what stops the watching. */
function watchEnd({ watch, findEnd }: StreamEnd): { ended: Promise<never>; unwatch: () => void } {
  let end: (error: AuthError) => void = () => {};
  const ended = new Promise<never>((_, reject) => end = reject);
  ended.catch(() => {});
  const unwatch = watch(() => {
    void findEnd().then((error) => {
      if (error !== null) end(error);
    });
  });
  return { ended, unwatch };
}

async function* iterateUntilEnded(
  source: AsyncIterable<unknown>,
  streamEnd: StreamEnd,
): AsyncGenerator<unknown> {
  const iterator = source[Symbol.asyncIterator]();
  const { ended, unwatch } = watchEnd(streamEnd);
  try {
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), ended]);
      if (done) return value;
      yield endWithCaller(value, streamEnd);
    }
  } finally {
    unwatch();
    // Not awaited: a source that waits for its next event would hold the closing up until then.
    iterator.return?.()?.catch(() => {});
  }
}

async function waitUntilEnded(source: Promise<unknown>, streamEnd: StreamEnd): Promise<unknown> {
  const { ended, unwatch } = watchEnd(streamEnd);
  try {
    return endWithCaller(await Promise.race([source, ended]), streamEnd);
  } finally {
    unwatch();
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

/** A plain object: tRPC looks for streams in its members, and no deeper. */
function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function wrapStream(value: unknown, streamEnd: StreamEnd): unknown {
  if (isAsyncIterable(value)) return iterateUntilEnded(value, streamEnd);
  if (!(value instanceof Promise)) return value;
  const waiting = waitUntilEnded(value, streamEnd);
  // An answer that carries no stream drops it, and a rejection that nobody takes would end the process.
  waiting.catch(() => {});
  return waiting;
}

/**
 * Makes every stream in an answer (generators, observables, promises that are sent later) end when its caller's
 * session, token or certainty ends. An answer without any is returned as it is.
 */
export function endWithCaller(value: unknown, streamEnd: StreamEnd): unknown {
  if (isObservable(value)) {
    return iterateUntilEnded(observableToAsyncIterable(value, streamEnd.signal), streamEnd);
  }
  if (!isRecord(value)) return wrapStream(value, streamEnd);
  const members = Object.entries(value);
  if (!members.some(([, member]) => member instanceof Promise || isAsyncIterable(member))) return value;
  return Object.fromEntries(members.map(([name, member]) => [name, wrapStream(member, streamEnd)]));
}
