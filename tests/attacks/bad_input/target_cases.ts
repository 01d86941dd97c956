import { password } from "../../kit/app.ts";
import { requestHead } from "../../kit/raw_http.ts";
import { badCall, type BadInput, badShot, canary } from "./bad_input.ts";

const missing = "404 NOT_FOUND";

const unknownPaths = [
  "/",
  "/trpc",
  "/trpc/",
  "/trpc//auth.me",
  "//trpc/auth.me",
  "/trpc/auth.me/",
  "/trpc/auth.me//",
  "/trpc/auth/me",
  "/TRPC/auth.me",
  "/Trpc/auth.me",
  "/trpc/AUTH.ME",
  "/trpc/auth.Me",
  "/trpcx/auth.me",
  "/abcd/auth.me",
  "/x/trpc/auth.me",
  "/trpc/auth%2Eme",
  "/trpc/%61uth.me",
  "/trpc/auth.me%20",
  "/trpc/auth.me%00",
  "/trpc/auth.me%2F",
  "/trpc/auth.me%2C",
  "/trpc/%2Cauth.me",
  "/trpc/auth.me%252Cauth.me?batch=1",
  "/trpc/auth.me,,auth.me?batch=1",
  "/trpc/auth.me,?batch=1",
  "/trpc/,?batch=1",
  "/trpc/auth.me;x=1",
  "/trpc/auth.me,auth.sessions.list",
  "/trpc/auth",
  "/trpc/auth.sessions",
  "/trpc/__proto__",
  "/trpc/constructor",
  "/trpc/toString",
  "/trpc/auth.__proto__",
  "/trpc/auth.constructor",
  "/trpc/auth.me.__proto__",
  "/trpc/auth.me.call",
  "/.well-known/jwks.json/",
  "/.well-known/JWKS.json",
  "/.well-known//jwks.json",
  "/.well-known/..%2fjwks.json",
  "/health/live/",
  "/health//live",
  "/Health/live",
  "/health",
];

const rawPaths = [
  "/trpc/../trpc/auth.me",
  "/trpc/./auth.me",
  "/trpc/%2e%2e/trpc/auth.me",
  "/trpc/auth.me/..",
  "/trpc/..",
  "/trpc\\auth.me",
  "/x/../health/live",
];

const pathCases = [
  ...unknownPaths.map((path) =>
    badShot(`GET ${path}`, missing, ({ tokens }) => ({ path, bearer: tokens.accessToken }))
  ),
  ...rawPaths.map((path) =>
    badShot(`GET ${path}, unresolved`, missing, ({ tokens }) => ({
      raw: [requestHead("GET", path, { authorization: `Bearer ${tokens.accessToken}` })],
    }))
  ),
];

const notAllowed = "405 METHOD_NOT_ALLOWED";
const routes = [
  "/trpc/auth.me",
  "/trpc/auth.logout",
  "/.well-known/jwks.json",
  "/health/live",
  "/health/ready",
];

const methodCases = [
  ...routes.flatMap((path) =>
    ["HEAD", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "get"].map((method) =>
      badShot(`${method} ${path}`, method === "HEAD" ? "405" : notAllowed, ({ tokens }) => ({
        raw: [requestHead(method, path, { authorization: `Bearer ${tokens.accessToken}` })],
      }))
    )
  ),
  ...["/.well-known/jwks.json", "/health/live"].map((path) =>
    badCall(`POST ${path}`, notAllowed, path, { body: {} })
  ),
  ...["auth.register", "auth.login", "auth.refresh", "auth.logout", "auth.stepUp", "auth.sessions.revoke"]
    .flatMap((
      path,
    ) => [
      badShot(
        `GET on the mutation ${path}`,
        notAllowed,
        ({ tokens }) => ({ path, bearer: tokens.accessToken }),
      ),
      badShot(`GET on the mutation ${path} as a batch of one`, notAllowed, ({ tokens }) => ({
        path: `${path}?batch=1&input=%7B%220%22%3A%7B%7D%7D`,
        bearer: tokens.accessToken,
      })),
    ]),
  badShot("A-105: GET on a mutation that asks to be a POST", notAllowed, ({ tokens }) => ({
    path: "auth.logout",
    bearer: tokens.accessToken,
    headers: { "x-http-method-override": "POST", "x-method-override": "POST" },
  })),
  ...["auth.me", "auth.sessions.list"].map((path) =>
    badShot(
      `POST on the query ${path}`,
      notAllowed,
      ({ tokens }) => ({ path, body: {}, bearer: tokens.accessToken }),
    )
  ),
];

const repeat = (path: string, times: number) => Array(times).fill(path).join(",");
const inputs = (count: number, input: unknown) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [i, input]));
const login = { identifier: canary, password };
const refused = "400 INPUT_INVALID";

const batchCases = [
  ...[11, 100, 500].map((count) =>
    badShot(`a batch of ${count} queries`, refused, ({ tokens }) => ({
      path: `${repeat("auth.me", count)}?batch=1`,
      bearer: tokens.accessToken,
    }))
  ),
  badShot("a batch of 11 logouts", refused, ({ tokens }) => ({
    path: `${repeat("auth.logout", 11)}?batch=1`,
    body: {},
    bearer: tokens.accessToken,
  })),
  badShot("a batch of 11 unknown procedures", refused, () => ({ path: `${repeat("nothing", 11)}?batch=1` })),
  badCall("A-065: a batch of 500 logins", refused, `${repeat("auth.login", 500)}?batch=1`, {
    body: inputs(500, login),
  }),
  ...[
    "login,auth.login",
    "login,auth.logout",
    "register,auth.logout",
    "refresh,auth.refresh",
    "logout,auth.refresh",
  ].map(
    (pair) =>
      badShot(`a batch of auth.${pair}`, refused, ({ tokens }) => ({
        path: `auth.${pair}?batch=1`,
        body: { 0: { ...login }, 1: { refreshToken: tokens.refreshToken } },
        bearer: tokens.accessToken,
      })),
  ),
  ...["GET", "POST"].flatMap((method) =>
    ["auth.me,auth.logout", "auth.logout,auth.me"].map((pair) =>
      badShot(`a batch of ${pair}, by ${method}`, refused, ({ tokens }) => ({
        path: `${pair}?batch=1`,
        method,
        bearer: tokens.accessToken,
      }))
    )
  ),
  badShot("a batch of mutations, by GET", notAllowed, ({ tokens }) => ({
    path: "auth.logout,auth.logout?batch=1",
    bearer: tokens.accessToken,
  })),
  badShot("a batch of queries, by POST", notAllowed, ({ tokens }) => ({
    path: "auth.me,auth.me?batch=1",
    body: {},
    bearer: tokens.accessToken,
  })),
  badShot("a batch of a login and a query, by GET", refused, ({ tokens }) => ({
    path: "auth.me,auth.login?batch=1",
    bearer: tokens.accessToken,
  })),
  badShot("a batch of a refresh behind an escaped comma", refused, ({ tokens }) => ({
    path: "auth.logout%2Cauth.refresh?batch=1",
    body: { 1: { refreshToken: tokens.refreshToken } },
    bearer: tokens.accessToken,
  })),
];

const queryCases = [
  badShot("a query whose input is not JSON", refused, ({ tokens }) => ({
    path: `auth.me?input=${canary}`,
    bearer: tokens.accessToken,
  })),
  badShot("a query with an input that it does not take", refused, ({ tokens }) => ({
    path: `auth.me?input=${encodeURIComponent(JSON.stringify({ canary }))}`,
    bearer: tokens.accessToken,
  })),
  badShot("a token in the query string", "401 TOKEN_MISSING", ({ tokens }) => ({
    path: `auth.me?access_token=${tokens.accessToken}&token=${tokens.accessToken}&authorization=Bearer`,
  })),
];

/** Paths, methods, batches and query strings that name nothing, or not like this. */
export const targetCases: BadInput[] = [...pathCases, ...methodCases, ...batchCases, ...queryCases];
