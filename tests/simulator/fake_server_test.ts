import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { TRPCError } from "@trpc/server";
import { createFakeAuthServer, type FakeAuth, fakeClock } from "@watchword/client/testing";
import type { Auth } from "@watchword/server";
import { z } from "zod";
import { password, startTestApp } from "../kit/app.ts";

/** Either server, as a caller sees it. */
interface Server {
  fetch: typeof fetch;
  origin: string;
  advance(seconds: number): Promise<void>;
}

interface Call {
  path: string;
  body?: unknown;
  bearer?: string | undefined;
  method?: string;
  headers?: Record<string, string>;
}

interface Answer {
  status: number;
  headers: Headers;
  // deno-lint-ignore no-explicit-any -- the checks look at whatever came
  json: any;
}

const createFakeApp = ({ trpc, router, protectedProcedure, publicProcedure, procedure }: FakeAuth) =>
  trpc.router({
    auth: router,
    open: publicProcedure.query(() => "anyone"),
    read: protectedProcedure.query(({ ctx }) => typeof ctx.auth.userId),
    add: protectedProcedure.input(z.object({ id: z.int() })).mutation(({ input }) => input.id),
    fresh: procedure({ auth: "required", maxAgeSeconds: 60 }).mutation(() => true),
    admin: procedure({ auth: "required", roles: ["admin"] }).query(() => true),
    maybe: procedure({ auth: "optional" }).query(({ ctx }) => ctx.auth === null),
    conflict: protectedProcedure.mutation((): number => {
      throw new TRPCError({ code: "CONFLICT", message: "there is one already" });
    }),
    bug: protectedProcedure.mutation((): number => {
      throw new Error("secret");
    }),
  });

const createRealApp = ({ trpc, router, protectedProcedure, publicProcedure, procedure }: Auth) =>
  trpc.router({
    auth: router,
    open: publicProcedure.query(() => "anyone"),
    read: protectedProcedure.query(({ ctx }) => typeof ctx.auth.userId),
    add: protectedProcedure.input(z.object({ id: z.int() })).mutation(({ input }) => input.id),
    fresh: procedure({ auth: "required", maxAgeSeconds: 60 }).mutation(() => true),
    admin: procedure({ auth: "required", roles: ["admin"] }).query(() => true),
    maybe: procedure({ auth: "optional" }).query(({ ctx }) => ctx.auth === null),
    conflict: protectedProcedure.mutation((): number => {
      throw new TRPCError({ code: "CONFLICT", message: "there is one already" });
    }),
    bug: protectedProcedure.mutation((): number => {
      throw new Error("secret");
    }),
  });

async function ask(
  { fetch, origin }: Server,
  { path, body, bearer, method, headers }: Call,
): Promise<Answer> {
  const isQuery = body === undefined && method !== "POST";
  const response = await fetch(`${origin}/trpc/${path}`, {
    method: method ?? (isQuery ? "GET" : "POST"),
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: text === "" ? null : JSON.parse(text) };
}

const kinds: [string, RegExp][] = [
  ["uuid", /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/],
  ["instant", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/],
  ["access token", /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]$/],
  ["refresh token", /^[A-Za-z0-9_-]{92}$/],
];
const unlike = new Set(["ip", "userAgent"]);

/** What two servers must agree on: ids, instants and tokens become their kinds, lifetimes the fact that they are. */
function normalise(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => normalise(item));
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([name, member]) => [name, normalise(member, name)]);
    return Object.fromEntries(members.toSorted(([a], [b]) => String(a) < String(b) ? -1 : 1));
  }
  if (unlike.has(key)) return "unlike";
  if (typeof value === "number" && /InSeconds$/.test(key)) return "seconds";
  if (typeof value !== "string") return value;
  return kinds.find(([, pattern]) => pattern.test(value))?.[0] ?? value;
}

/** Calls everything that a client calls, and much that it should not. @returns a line a call */
async function playScript(server: Server): Promise<unknown[]> {
  const lines: unknown[] = [];
  async function step(what: string, call: Call): Promise<Answer> {
    const answer = await ask(server, call);
    const retryAfter = answer.headers.get("retry-after");
    lines.push([what, answer.status, retryAfter, normalise(answer.json)]);
    return answer;
  }
  const refresh = (token: string, attemptId?: string): Call => ({
    path: "auth.refresh",
    body: { refreshToken: token, ...(attemptId ? { attemptId } : {}) },
  });
  const attempt = (letter: string) => letter.repeat(21) + "A";
  const login = { path: "auth.login", body: { identifier: "ADA", password } };

  const first = (await step("register", {
    path: "auth.register",
    body: { username: "Ada", email: "ada@example.com", password },
  })).json.result.data.tokens;
  await step("name taken", { path: "auth.register", body: { username: "ada", password } });
  await step("short password", { path: "auth.register", body: { username: "bob", password: "1234567" } });
  await step("empty password", { path: "auth.register", body: { username: "bob", password: "" } });
  await step("empty password at sign-in", { path: "auth.login", body: { identifier: "ada", password: "" } });
  await step("no identifier", { path: "auth.register", body: { password } });
  await step("unknown key", { path: "auth.register", body: { username: "bob", password, admin: true } });
  await step("wrong password", { path: "auth.login", body: { identifier: "ada", password: "nonsense" } });
  await step("unknown user", { path: "auth.login", body: { identifier: "eve", password } });
  const second = (await step("login", login)).json.result.data.tokens;

  await step("me", { path: "auth.me", bearer: first.accessToken });
  await step("no token", { path: "auth.me" });
  await step("another scheme", { path: "auth.me", headers: { authorization: "Basic YTpi" } });
  await step("a token that is none", { path: "auth.me", bearer: "nonsense" });
  await step("two tokens", { path: "auth.me", bearer: `${first.accessToken}, ${first.accessToken}` });
  await step("sessions", { path: "auth.sessions.list", bearer: first.accessToken });

  await step("a query", { path: "read", bearer: first.accessToken });
  await step("a mutation", { path: "add", body: { id: 7 }, bearer: first.accessToken });
  await step("a bad input", { path: "add", body: { id: "7" }, bearer: first.accessToken });
  await step("an app's own error", { path: "conflict", body: {}, bearer: first.accessToken });
  await step("a bug", { path: "bug", body: {}, bearer: first.accessToken });
  await step("a role", { path: "admin", bearer: first.accessToken });
  await step("optional, signed in", { path: "maybe", bearer: first.accessToken });
  await step("optional, anonymous", { path: "maybe" });
  await step("optional, bad token", { path: "maybe", bearer: "nonsense" });
  await step("a recent sign-in", { path: "fresh", body: {}, bearer: first.accessToken });

  await step("a batch, all well", { path: "open,read?batch=1&input={}", bearer: first.accessToken });
  await step("a batch, one refused", { path: "open,read?batch=1&input={}" });
  await step("a batch, all refused", { path: "read,auth.me?batch=1&input={}" });
  await step("a batch of one", { path: "read?batch=1&input={}", bearer: first.accessToken });
  await step("login in a batch", { path: "auth.login,auth.logout?batch=1", body: { 0: login.body, 1: {} } });
  await step("a long batch", { path: `${Array(11).fill("auth.me").join()}?batch=1&input={}` });
  await step("two paths that are no batch", { path: "open,open" });
  await step("an unknown path", { path: "auth.nothing" });
  await step("an unknown path in a batch", { path: "open,nothing?batch=1&input={}" });
  await step("a path that is none", { path: "open/" });
  await step("GET on a mutation", { path: "auth.logout" });
  await step("POST on a query", { path: "auth.me", body: {}, bearer: first.accessToken });
  await step("another method", { path: "auth.me", method: "PUT", body: {} });
  await step("another type", { path: "auth.login", body: {}, headers: { "content-type": "text/plain" } });

  const next = (await step("refresh", refresh(first.refreshToken, attempt("a")))).json.result.data;
  await step("the same attempt", refresh(first.refreshToken, attempt("a")));
  await step("another tab", refresh(first.refreshToken, attempt("b")));
  await step("no attempt", refresh(first.refreshToken));
  await server.advance(3_600);
  await step("an expired token", { path: "read", bearer: next.accessToken });
  await step("optional, expired", { path: "maybe", bearer: next.accessToken });
  await step("the same attempt, an hour later", refresh(first.refreshToken, attempt("a")));
  const later = (await step("refresh again", refresh(next.refreshToken, attempt("c")))).json.result.data;
  await step("a step-up is needed", { path: "fresh", body: {}, bearer: later.accessToken });
  await step("step-up, wrong", { path: "auth.stepUp", body: { password: "x" }, bearer: later.accessToken });
  await step("step-up by a code", {
    path: "auth.stepUp",
    body: { code: "123456" },
    bearer: later.accessToken,
  });
  await step("step-up by both", {
    path: "auth.stepUp",
    body: { code: "1", password },
    bearer: later.accessToken,
  });
  const stepped =
    (await step("step-up", { path: "auth.stepUp", body: { password }, bearer: later.accessToken }))
      .json.result.data;
  await step("after the step-up", { path: "fresh", body: {}, bearer: stepped.accessToken });
  await step("the session before", { path: "read", bearer: later.accessToken });
  await step("its refresh", refresh(later.refreshToken));

  await step("a token that was never ours", refresh("A".repeat(92)));
  await step("no refresh token", { path: "auth.refresh", body: {} });
  await step("a bad attempt id", refresh(stepped.refreshToken, "short"));
  const rotated = (await step("a rotation", refresh(second.refreshToken))).json.result.data;
  await server.advance(11);
  await step("reuse", refresh(second.refreshToken));
  await step("what reuse ended", refresh(rotated.refreshToken));
  await step("its bearer", { path: "read", bearer: rotated.accessToken });

  const third = (await step("login again", login)).json.result.data.tokens;
  await step("revoke", {
    path: "auth.sessions.revoke",
    body: { sessionId: third.sessionId },
    bearer: stepped.accessToken,
  });
  await step("the revoked one", { path: "read", bearer: third.accessToken });
  await step("somebody else's session", {
    path: "auth.sessions.revoke",
    body: { sessionId: crypto.randomUUID() },
    bearer: stepped.accessToken,
  });
  await step("no session", {
    path: "auth.sessions.revoke",
    body: { sessionId: "x" },
    bearer: stepped.accessToken,
  });

  const [one, other, last] = [
    (await ask(server, login)).json.result.data.tokens,
    (await ask(server, login)).json.result.data.tokens,
    (await ask(server, login)).json.result.data.tokens,
  ];
  await step("logout without proof", { path: "auth.logout", body: {} });
  await step("logout by two sessions", {
    path: "auth.logout",
    body: { refreshToken: one.refreshToken },
    bearer: other.accessToken,
  });
  await step("logout by noise", { path: "auth.logout", body: { refreshToken: "noise" } });
  await step("logout without a body", { path: "auth.logout", method: "POST", bearer: one.accessToken });
  await step("logout twice", { path: "auth.logout", body: { refreshToken: one.refreshToken } });
  await step("logout of all by the dead", {
    path: "auth.logout",
    body: { scope: "all", refreshToken: one.refreshToken },
  });
  await step("logout of the others", {
    path: "auth.logout",
    body: { scope: "others" },
    bearer: other.accessToken,
  });
  await step("another one", { path: "read", bearer: last.accessToken });
  await step("who stays", { path: "auth.sessions.list", bearer: other.accessToken });
  await step("logout of all", { path: "auth.logout", body: { scope: "all" }, bearer: other.accessToken });
  await step("nobody stays", { path: "read", bearer: other.accessToken });
  const survivor = (await step("login after it", login)).json.result.data.tokens;
  await server.advance(31 * 86_400);
  await step("an idle session", refresh(survivor.refreshToken));
  await step("logout of an idle session", {
    path: "auth.logout",
    body: { scope: "all", refreshToken: survivor.refreshToken },
  });
  return lines;
}

Deno.test("the fake auth server answers like the real one: status, reason and shape of every call", async () => {
  await using app = await startTestApp({ router: createRealApp });
  const clock = fakeClock();
  const fake = createFakeAuthServer({ clock, router: createFakeApp });
  const real = await playScript({ fetch, origin: app.origin, advance: (seconds) => app.advance(seconds) });
  const faked = await playScript({
    fetch: fake.fetch,
    origin: "http://fake.test",
    advance: (seconds) => clock.advance(seconds * 1_000),
  });
  assert(real.length > 70, `${real.length} calls`);
  for (const [index, line] of real.entries()) assertEquals(faked[index], line);
});

Deno.test("the fake auth server gives a lost answer again: the same successor, another access token", async () => {
  const server = createFakeAuthServer();
  const origin = "http://fake.test";
  const call = (path: string, body: unknown) =>
    ask({ fetch: server.fetch, origin, advance: () => Promise.resolve() }, { path, body });
  const { tokens } = (await call("auth.register", { username: "ada", password })).json.result.data;
  const body = { refreshToken: tokens.refreshToken, attemptId: "a".repeat(21) + "A" };
  const [one, other] = [await call("auth.refresh", body), await call("auth.refresh", body)];
  assertEquals(one.json.result.data.refreshToken, other.json.result.data.refreshToken);
  assertNotEquals(one.json.result.data.accessToken, other.json.result.data.accessToken);
  assertEquals([server.count("auth.refresh"), server.findSession(tokens.sessionId)?.generation], [2, 1]);
});
