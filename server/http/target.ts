/** Where a request goes. Paths are matched as they were sent: byte for byte, before any decoding. */
export type Target =
  | { route: "trpc"; paths: string[]; isBatch: boolean; query: string }
  | { route: "jwks" | "live" | "ready" | "unknown" };

const trpcPaths = /^\/trpc\/([A-Za-z0-9._$-]+(?:(?:,|%2C)[A-Za-z0-9._$-]+)*)$/i;
const fixed: Readonly<Record<string, "jwks" | "live" | "ready">> = {
  "/.well-known/jwks.json": "jwks",
  "/health/live": "live",
  "/health/ready": "ready",
};

/** Path and query of an absolute URL as it stands there. `new URL()` would resolve dots and escapes first. */
function splitUrl(url: string): { path: string; query: string } {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const [target = "/"] = start < 0 ? ["/"] : url.slice(start).split("#", 1);
  const mark = target.indexOf("?");
  return mark < 0
    ? { path: target, query: "" }
    : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

/** Matches a request's target. */
export function matchTarget(url: string): Target {
  const { path, query } = splitUrl(url);
  if (Object.hasOwn(fixed, path)) return { route: fixed[path] ?? "unknown" };
  const names = path.startsWith("/trpc/") ? trpcPaths.exec(path)?.[1] : undefined;
  if (names === undefined) return { route: "unknown" };
  const paths = names.split(/,|%2C/i);
  // A dot segment is resolved away by URL parsers further in, and names no procedure.
  if (paths.some((name) => /^\.+$/.test(name))) return { route: "unknown" };
  return {
    route: "trpc",
    paths,
    query,
    isBatch: query !== "" && new URLSearchParams(query).get("batch") === "1",
  };
}
