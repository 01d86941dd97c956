import { attemptIdPattern } from "./attempt_id.ts";

/**
 * Where the attempt id of the next refresh is kept in cookie mode: in a cookie beside the refresh token's, so that
 * the page's script and the server that renders the page send the same one. Whichever of their answers is lost, the
 * other can ask for it again. It is worth nothing without the refresh token, which no script can read.
 */
const NAME = "__Host-watchword_attempt";
// As long as browsers keep any cookie (RFC 6265bis §5.6.1); it must outlive the session.
const MAX_AGE_SECONDS = 400 * 24 * 3_600;

/** Reads one cookie from a `Cookie` header or `document.cookie`. Two of a name count as none. */
export function readCookie(cookies: string, name: string): string | null {
  // Only what RFC 6265 calls white space is trimmed: with any other in front it is a cookie of another name.
  const pairs = cookies.split(";").map((pair) => pair.replace(/^[ \t]+|[ \t]+$/g, ""));
  const [pair, ...more] = pairs.filter((pair) => pair.startsWith(`${name}=`));
  return pair !== undefined && more.length === 0 ? pair.slice(name.length + 1) : null;
}

/** Reads the attempt id; null when there is none yet. */
export function readAttemptCookie(cookies: string): string | null {
  const value = readCookie(cookies, NAME);
  return value !== null && attemptIdPattern.test(value) ? value : null;
}

/** Writes an attempt id, for `Set-Cookie` or `document.cookie`. */
export function formatAttemptCookie(attemptId: string): string {
  return `${NAME}=${attemptId}; Path=/; Max-Age=${MAX_AGE_SECONDS}; Secure; SameSite=Lax`;
}
