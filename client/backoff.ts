import { type AuthClientError, authClientError } from "./auth_client_error.ts";

/** Why a refresh failed. */
export type FailureKind = "network" | "server" | "throttled";

/** Says when the auth server may be asked again. */
export interface Backoff {
  /** What is in the way of asking now, or null. */
  obstacle(): AuthClientError | null;
  /** Counts a request that is about to be sent. @returns seconds to wait when there were too many, else 0 */
  count(ttlMs: number): number;
  /** Puts the next try off: 1 s, doubled each time up to 60 s, with jitter, and never less than the server asked. */
  fail(kind: FailureKind, retryAfterSeconds?: number): { attempt: number; nextTryInMs: number };
  /** All is well again. */
  reset(): void;
  /** The network or the user is back: what the server asked to wait is still waited. */
  wake(): void;
}

const WAIT_MIN_MS = 1_000;
const MINUTE_MS = 60_000;
const MINUTE_MIN_COUNT = 5;

/** What of a failed refresh the caller is told. */
export function failureError(kind: FailureKind, retryAfterSeconds?: number): AuthClientError {
  return authClientError(kind === "throttled" ? kind : "unreachable", { retryAfterSeconds });
}

/** Builds it over a monotonic clock. */
export function createBackoff(nowMs: () => number): Backoff {
  let failures = 0;
  let nextTryAt = 0;
  let askedAt = 0;
  let lastKind: FailureKind;
  let sentAt: number[] = [];
  return {
    obstacle() {
      const waitMs = nextTryAt - nowMs();
      return waitMs > 0 ? failureError(lastKind, Math.ceil(waitMs / 1_000)) : null;
    },
    // Whatever else goes wrong, the server is not asked without end.
    count(ttlMs) {
      const now = nowMs();
      sentAt = sentAt.filter((at) => at > now - MINUTE_MS);
      const [first = now] = sentAt;
      const isTooOften = sentAt.length >= Math.max(MINUTE_MIN_COUNT, 2 * MINUTE_MS / (ttlMs || MINUTE_MS));
      if (isTooOften) return Math.ceil((first + MINUTE_MS - now) / 1_000);
      sentAt.push(now);
      return 0;
    },
    fail(kind, retryAfterSeconds = 0) {
      lastKind = kind;
      askedAt = nowMs() + retryAfterSeconds * 1_000;
      const waitMs = Math.min(MINUTE_MS, WAIT_MIN_MS * 2 ** failures++) * (0.5 + Math.random() / 2);
      nextTryAt = Math.max(nowMs() + waitMs, askedAt);
      return { attempt: failures, nextTryInMs: nextTryAt - nowMs() };
    },
    reset() {
      failures = nextTryAt = 0;
    },
    wake() {
      failures = 0;
      nextTryAt = Math.min(nextTryAt, askedAt);
    },
  };
}
