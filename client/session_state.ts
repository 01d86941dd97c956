import type { User } from "@watchword/shared/contract";
import type { Reason, TerminalReason } from "@watchword/shared/reasons";

/** Why a session ended. */
export type SignOutReason =
  | "user"
  | "other_tab"
  | "expired"
  | "revoked"
  | "reuse_detected"
  | "storage_cleared";

/** The verdicts of the server that end a session for good, and how it ends by each. */
export const verdicts: Readonly<Partial<Record<Reason, SignOutReason>>> = {
  SESSION_REVOKED: "revoked",
  REFRESH_INVALID: "revoked",
  REFRESH_EXPIRED: "expired",
  REFRESH_REUSED: "reuse_detected",
} satisfies Record<TerminalReason, SignOutReason>;

/** How good the access token is. `stale` will be renewed before it is used. */
export type Freshness = "fresh" | "stale" | "refreshing" | "unreachable";

/** An immutable snapshot; a new object only when something in it changed. */
export type SessionState =
  | { readonly status: "booting" }
  | { readonly status: "anonymous"; readonly lastEnd: SignOutReason | null }
  | {
    readonly status: "authenticated";
    readonly user: User;
    readonly sessionId: string;
    readonly freshness: Freshness;
  };

/**
 * Why a token was renewed: it was about to end, the server refused it, the app asked, or another tab was faster.
 */
export type RefreshCause = "ahead" | "rejected" | "manual" | "other_tab";

/** What happened to a session. Never any token material. */
export type AuthEvent =
  | { type: "signedIn"; userId: string; via: "login" | "restored" | "other_tab" | "ssr" }
  | { type: "signedOut"; reason: SignOutReason }
  | { type: "refreshed"; generation: number; cause: RefreshCause; ms: number; waiters: number }
  | {
    type: "refreshFailed";
    kind: "network" | "server" | "throttled";
    attempt: number;
    nextTryInMs: number;
  }
  /** Another tab held the lock for too long, so this one went on without it. */
  | { type: "lockSkipped" }
  /** The store cannot be read, or what it was given is lost: the session lives as long as this client. */
  | { type: "storage"; outcome: "unreadable" | "write_failed" };

/** Tells listeners, each by itself: one that throws stops nobody, and its error surfaces on its own. */
export function createListeners<Event>() {
  const listeners = new Set<(event: Event) => void>();
  return {
    add(listener: (event: Event) => void): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell(event: Event): void {
      for (const listener of [...listeners]) {
        try {
          listener(event);
        } catch (error) {
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
}
