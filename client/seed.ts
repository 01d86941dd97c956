import type { User } from "@watchword/shared/contract";
import type { SessionState } from "./session_state.ts";
import type { SessionRecord } from "./token_store.ts";

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

/** The record of a seed with a user. It has no refresh token: that is in a cookie. */
export function toSeedRecord(seed: Exclude<Seed, { user: null }>, wallMs: number): SessionRecord {
  const { expiresInSeconds, ...known } = seed;
  return { ...known, refreshToken: "", issuedAtMs: wallMs, ttlMs: expiresInSeconds * 1_000 };
}
