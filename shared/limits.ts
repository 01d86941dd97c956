/**
 * Bounds that both sides agree on. Every name ends in its unit.
 *
 * @module
 */

/** Calls that one batch may hold on the service (contract: 400 `INPUT_INVALID` above it). */
export const BATCH_MAX_CALLS = 10;
/** Size of a request body on the auth routes. */
export const BODY_MAX_BYTES = 16 * 1024;
/** Time within which a request body must have arrived. */
export const BODY_READ_DEADLINE_MS = 5_000;

/** Default of `PASSWORD_MIN_LENGTH`, in Unicode code points (ASVS 6.2.1). */
export const PASSWORD_MIN_CODE_POINTS = 8;
/** Longest password, in code points; longer is refused and never truncated (ASVS 6.2.9). */
export const PASSWORD_MAX_CODE_POINTS = 256;
/** Longest password, in bytes of UTF-8. */
export const PASSWORD_MAX_BYTES = 1_024;

/** Longest e-mail address, in UTF-16 units after canonicalisation (RFC 5321 §4.5.3.1). */
export const EMAIL_MAX_LENGTH = 254;
/** Longest bearer or refresh token that is looked at. */
export const TOKEN_MAX_LENGTH = 4_096;
/** Live sessions of one user; a sign-in above it ends the oldest (ASVS 7.1.2). */
export const SESSIONS_PER_USER_MAX = 50;
/** Clock difference that token verification forgives, in both directions (RFC 7519 §4.1.4). */
export const CLOCK_TOLERANCE_SECONDS = 5;
