/** Where a request goes. Paths are matched as they were sent: byte for byte, before any decoding. */
export type Target =
  | { route: "trpc"; path: string; paths: string[]; isBatch: boolean; query: string }
  | { route: "rest"; path: string; query: string }
  | { route: FixedRoute | "unknown" | "invalid" };

type FixedRoute = "jwks" | "live" | "ready" | "openapi" | "docs" | "revocations";

const trpcPaths = /^\/trpc\/([A-Za-z0-9._$-]+(?:(?:,|%2C)[A-Za-z0-9._$-]+)*)$/;
const fixed: Readonly<Record<string, FixedRoute>> = {
  "/.well-known/jwks.json": "jwks",
  "/health/live": "live",
  "/health/ready": "ready",
  "/openapi.json": "openapi",
  "/docs": "docs",
  "/revocations": "revocations",
};
const authority = /^(?:[A-Za-z0-9._~-]*|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;

/**
 * Path and query of an absolute URL as it stands there; `new URL()` would resolve dots and escapes first. Null when
 * its host is none: with "/", "?" or "\" in it, the path would be the client's to choose twice.
 */
function splitUrl(url: string): { path: string; query: string } | null {
  const match = /^[a-z]+:\/\/([^/]*)(\/[^#]*)?/.exec(url);
  if (match === null || !authority.test(match[1] ?? "")) return null;
  const target = match[2] ?? "/";
  const mark = target.indexOf("?");
  return mark < 0
    ? { path: target, query: "" }
    : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

/** Matches a request's target. */
export function matchTarget(url: string): Target {
  const parts = splitUrl(url);
  if (parts === null) return { route: "invalid" };
  const { path, query } = parts;
  if (Object.hasOwn(fixed, path)) return { route: fixed[path] ?? "unknown" };
  if (path.startsWith("/v1/")) return { route: "rest", path, query };
  const names = path.startsWith("/trpc/") ? trpcPaths.exec(path)?.[1] : undefined;
  if (names === undefined) return { route: "unknown" };
  const paths = names.split(/,|%2C/);
  // A dot segment is resolved away by URL parsers further in, and names no procedure.
  if (paths.some((name) => /^\.+$/.test(name))) return { route: "unknown" };
  const isBatch = query !== "" && new URLSearchParams(query).get("batch") === "1";
  return { route: "trpc", path, paths, query, isBatch };
}

/** Tells whether the `Host` header names a host and nothing else (RFC 9110 §7.2). */
export function hasPlainHost(headers: Headers): boolean {
  return authority.test(headers.get("host") ?? "");
}
