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
const WAIT_MAX_MS = 60_000;
const WINDOW_MS = 60_000;
const WINDOW_MIN_COUNT = 5;

/** Builds it over a monotonic clock. */
export function createBackoff(nowMs: () => number): Backoff {
  let failures = 0;
  let nextTryAt = 0;
  let askedAt = 0;
  let lastKind: FailureKind = "network";
  let sentAt: number[] = [];
  return {
    obstacle() {
      const waitMs = nextTryAt - nowMs();
      if (waitMs <= 0) return null;
      const retryAfterSeconds = Math.ceil(waitMs / 1_000);
      return authClientError(lastKind === "throttled" ? "throttled" : "unreachable", { retryAfterSeconds });
    },
    // Whatever else goes wrong, the server is not asked without end.
    count(ttlMs) {
      const now = nowMs();
      sentAt = sentAt.filter((at) => at > now - WINDOW_MS);
      const isTooOften = sentAt.length >= Math.max(WINDOW_MIN_COUNT, 2 * WINDOW_MS / (ttlMs || WINDOW_MS));
      if (isTooOften) return Math.ceil(((sentAt[0] ?? now) + WINDOW_MS - now) / 1_000);
      sentAt.push(now);
      return 0;
    },
    fail(kind, retryAfterSeconds = 0) {
      lastKind = kind;
      const waitMs = Math.min(WAIT_MAX_MS, WAIT_MIN_MS * 2 ** failures++) * (0.5 + Math.random() / 2);
      const nextTryInMs = Math.max(waitMs, retryAfterSeconds * 1_000);
      nextTryAt = nowMs() + nextTryInMs;
      askedAt = nowMs() + retryAfterSeconds * 1_000;
      return { attempt: failures, nextTryInMs };
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
