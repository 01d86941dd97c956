/**
 * Claims of the access token (RFC 9068, JWT profile for access tokens).
 *
 * @module
 */
import { z } from "zod";

// Far above any real date and far below where Date and Postgres stop: 1e400 and its friends stay out.
const NumericDate = z.int().positive().max(253_402_300_799);

/** The claims that Watchword owns. An app's own claims live under other names. */
export const RegisteredClaims = z.object({
  iss: z.string(),
  aud: z.string(),
  sub: z.guid(),
  client_id: z.string(),
  iat: NumericDate,
  exp: NumericDate,
  jti: z.string(),
  /** Session id. */
  sid: z.guid(),
  /** The user's token epoch when the token was made; a sign-out of all raises the user's and so ends it. */
  ep: z.int().nonnegative(),
  auth_time: NumericDate,
  amr: z.array(z.string()),
  roles: z.array(z.string()),
});
export type RegisteredClaims = z.infer<typeof RegisteredClaims>;

/** Names that an app's own claims can never take: ours, and the rest of RFC 7519 §4.1. */
export const reservedClaimNames: ReadonlySet<string> = new Set([
  ...Object.keys(RegisteredClaims.shape),
  "nbf",
  "cnf",
  "scope",
  "__proto__",
  "constructor",
  "prototype",
]);
