import type { User } from "@watchword/shared/contract";
import type { SessionState } from "./session_state.ts";

/**
 * What a server found out for the browser: who is signed in, with an access token and without a refresh token; or
 * that nobody is. It travels in the page, so it is personal data, and the page must not be cached.
 */
export type Seed =
  | {
    readonly user: User;
    readonly sessionId: string;
    readonly generation: number;
    readonly accessToken: string;
    readonly expiresInSeconds: number;
  }
  | { readonly user: null };

/** The state that a client begins with; without a seed it does not know yet. */
export function toInitialState(seed: Seed | null | undefined): SessionState {
  if (!seed) return { status: "booting" };
  if (seed.user === null) return { status: "anonymous", lastEnd: null };
  const { user, sessionId } = seed;
  return { status: "authenticated", user, sessionId, freshness: "fresh" };
}
