import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { matchTarget } from "./target.ts";

const origin = "http://127.0.0.1:8000";
const route = (target: string) => matchTarget(origin + target).route;

function paths(target: string): string[] | undefined {
  const matched = matchTarget(origin + target);
  return matched.route === "trpc" ? matched.paths : undefined;
}

Deno.test("a path names the procedures that stand in it, byte for byte", () => {
  assertEquals(paths("/trpc/auth.me"), ["auth.me"]);
  assertEquals(paths("/trpc/auth.me,auth.sessions.list"), ["auth.me", "auth.sessions.list"]);
  assertEquals(paths("/trpc/auth.me%2Cauth.sessions.list"), ["auth.me", "auth.sessions.list"]);
  assertEquals(paths("/trpc/a-b_c$1.D"), ["a-b_c$1.D"]);
  assertEquals(paths("/trpc/auth.me?input=/trpc/x,y"), ["auth.me"]);
});

Deno.test("a batch is what says batch=1", () => {
  const isBatch = (query: string) => {
    const matched = matchTarget(`${origin}/trpc/auth.me${query}`);
    return matched.route === "trpc" && matched.isBatch;
  };
  assertEquals(
    ["", "?batch=1", "?input=x&batch=1", "?batch=0", "?batch=11", "?x=batch=1", "?Batch=1"].map(isBatch),
    [
      false,
      true,
      true,
      false,
      false,
      false,
      false,
    ],
  );
});

Deno.test("a fixed route is exactly its path, with or without a query", () => {
  assertEquals(
    ["/.well-known/jwks.json", "/health/live", "/health/ready", "/openapi.json", "/docs", "/docs?x=1"].map(
      route,
    ),
    ["jwks", "live", "ready", "openapi", "docs", "docs"],
  );
});

Deno.test("R-76, R-78: no other spelling of a path leads anywhere", () => {
  const strays = [
    "",
    "/",
    "/trpc",
    "/trpc/",
    "/trpc//auth.me",
    "//trpc/auth.me",
    "/TRPC/auth.me",
    "/abcd/auth.me",
    "/trpc/auth.me/",
    "/trpc/auth%2Eme",
    "/trpc/%61uth.me",
    "/trpc/auth.me%2F",
    "/trpc/auth.me,",
    "/trpc/,auth.me",
    "/trpc/auth.me,,auth.me",
    "/trpc/auth.me%2C",
    "/trpc/auth.me%252Cauth.me",
    "/trpc/.",
    "/trpc/..",
    "/trpc/...",
    "/trpc/auth.me,..",
    "/trpc/../trpc/auth.me",
    "/trpc/./auth.me",
    "/trpc/auth.me;x",
    "/trpc/auth.me ",
    "/trpc/auth.me%00",
    "/trpc/auth\\me",
    "/trpc/auth.me:80",
    "/trpc/auth.mé",
    "/health",
    "/health/live/",
    "/Health/live",
    "/health/../health/live",
    "/.well-known/jwks.json/",
    "/toString",
    "/__proto__",
    "/constructor",
  ];
  for (const stray of strays) assertEquals([stray, route(stray)], [stray, "unknown"]);
});

Deno.test("R-76: whatever else is asked for, a procedure is only ever named by its grammar", () => {
  fc.assert(fc.property(fc.string({ unit: "binary-ascii", maxLength: 40 }), (text) => {
    const named = paths(`/trpc/${text}`);
    if (named === undefined) return;
    for (const name of named) assertEquals([text, /^[A-Za-z0-9._$-]+$/.test(name)], [text, true]);
  }));
});

// A pattern that backtracks would never come to an end here.
Deno.test("R-81: a path of a megabyte is judged in linear time", () => {
  for (
    const long of ["a".repeat(1_000_000), "a,".repeat(500_000), "%2C".repeat(300_000), ".".repeat(1_000_000)]
  ) {
    assertEquals(route(`/trpc/${long}!`), "unknown");
  }
});
