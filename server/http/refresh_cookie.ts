import type { RefreshCookie } from "../request.ts";

// The prefix makes browsers insist on Secure, Path=/ and no Domain, so no sibling host can plant one (RFC 6265bis §4.1.3).
const NAME = "__Host-watchword_refresh";
const ATTRIBUTES = "Path=/; HttpOnly; Secure; SameSite=Lax";
const token = /^[A-Za-z0-9_-]{1,4096}$/;

// Only what RFC 6265 calls white space is trimmed: with a no-break space in front it is another cookie, one that
// a sibling host may set.
/** Reads our cookie; a value that no token of ours has, or two of them, count as none. */
function readValue(headers: Headers): string | null {
  const pairs = (headers.get("cookie") ?? "").split(";").map((pair) => pair.replace(/^[ \t]+|[ \t]+$/g, ""));
  const [value, ...more] = pairs.filter((pair) => pair.startsWith(`${NAME}=`)).map((pair) =>
    pair.slice(NAME.length + 1)
  );
  return value !== undefined && more.length === 0 && token.test(value) ? value : null;
}

/** The refresh cookie of a request; what is set travels in `answer`. */
export function createRefreshCookie(headers: Headers, answer: Headers): RefreshCookie {
  const cookie = {
    set: (value: string, maxAgeSeconds: number) =>
      answer.set("set-cookie", `${NAME}=${value}; Max-Age=${maxAgeSeconds}; ${ATTRIBUTES}`),
    clear: () => answer.set("set-cookie", `${NAME}=; Max-Age=0; ${ATTRIBUTES}`),
  };
  // Not enumerable: an app that answers or logs its `ctx.auth` as JSON gives no token away.
  return Object.defineProperty(cookie as RefreshCookie, "value", { value: readValue(headers) });
}
