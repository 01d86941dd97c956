import type { AccessTokenClaims } from "./parse_claims.ts";

/** Who calls, as a verified access token says. `Claims` are the app's own. */
export interface Caller<Claims = Readonly<Record<string, unknown>>> {
  readonly userId: string;
  readonly sessionId: string;
  /** The token epoch that the token was made in. */
  readonly epoch: number;
  /** As of the making of the token; with the service's policy `strict`, of this moment. */
  readonly roles: readonly string[];
  /** When the user last proved who they are. */
  readonly authenticatedAt: Date;
  /** When the access token ends. */
  readonly expiresAt: Date;
  /** How the user proved it (RFC 8176). */
  readonly amr: readonly string[];
  readonly claims: Claims;
}

/** Names what a token's claims say. */
export function toCaller({ registered, own }: AccessTokenClaims): Caller {
  return {
    userId: registered.sub,
    sessionId: registered.sid,
    epoch: registered.ep,
    roles: registered.roles,
    authenticatedAt: new Date(registered.auth_time * 1_000),
    expiresAt: new Date(registered.exp * 1_000),
    amr: registered.amr,
    claims: own,
  };
}
