import { refuse } from "../auth_error.ts";

/** The header that chooses cookie mode. No form and no simple request can set it. */
const MODE_HEADER = "x-watchword-mode";

/**
 * Tells whether a request is in cookie mode, and lets it pass only from an allowed origin.
 *
 * `Origin` must be on the exact list when it is there; `Sec-Fetch-Site` must be `same-origin` when it is there;
 * without both the request is refused (OWASP CSRF: fail closed). A sibling host is "same-site", and refused:
 * whoever takes over a sub-domain must not inherit the sessions.
 *
 * @throws CSRF | INPUT_INVALID
 */
export function requireCookieMode(headers: Headers, allowedOrigins: ReadonlySet<string>): boolean {
  const mode = headers.get(MODE_HEADER);
  if (mode === null) return false;
  const origin = headers.get("origin");
  const site = headers.get("sec-fetch-site");
  const isFromHere = (origin !== null || site !== null) && (origin === null || allowedOrigins.has(origin)) &&
    (site === null || site === "same-origin") && allowedOrigins.size > 0;
  if (!isFromHere) throw refuse("CSRF");
  if (mode !== "cookie") throw refuse("INPUT_INVALID");
  return true;
}
