import type { AnyTRPCRouter } from "@trpc/server";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import type { AuthRouter } from "@watchword/shared/contract";
import { BATCH_MAX_CALLS } from "@watchword/shared/limits";
import { createFakeAuthRouter } from "./fake_auth_router.ts";
import { type FakeClock, fakeClock } from "./fake_clock.ts";
import { createFakeGuard, type FakeIdentity, type FakePolicy } from "./fake_guard.ts";
import { answerRefusal, FakeRefusal } from "./fake_refusal.ts";
import { createFakeSessions, type FakeLifetimes, type FakeSession } from "./fake_sessions.ts";
import { makeId } from "./fake_tokens.ts";
import { createFakeTrpc, type FakeMeta } from "./fake_trpc.ts";

/** What a router of yours is built with: the names are those of the real `createAuth`. */
export type FakeAuth = ReturnType<typeof createFakeAuth>["auth"];

/** Settings of {@link createFakeAuthServer}. The defaults are the real server's. */
export interface FakeAuthServerOptions {
  /** What the server takes the time from: its `time()`, which no device's wall clock moves. @default a clock that stands */
  clock?: Pick<FakeClock, "time">;
  /** @default 600 */
  accessTokenTtlSeconds?: number;
  /** @default 2592000 (30 days) */
  refreshIdleTtlSeconds?: number;
  /** @default 7776000 (90 days) */
  sessionAbsoluteTtlSeconds?: number;
  /** @default 10 */
  refreshLeewaySeconds?: number;
  /** @default 86400 */
  refreshReplayWindowSeconds?: number;
  /** Your own router, with `auth.router` mounted in it. @default the auth router alone, mounted as `auth` */
  router?: (auth: FakeAuth) => AnyTRPCRouter;
  /** Answers requests outside `/trpc`. `identify` reads a request's bearer, or throws the answer to give. */
  handler?: (request: Request, identify: (policy: FakePolicy) => FakeIdentity | null) => Promise<Response>;
}

/** An auth server in memory. */
export interface FakeAuthServer {
  /** Give it to the client as `fetch`; any origin will do. */
  readonly fetch: typeof fetch;
  /** Every procedure that was called so far, in order; several for a batch. */
  readonly called: readonly string[];
  /** How often a procedure was called. */
  count(procedure: string): number;
  /** A session as it stands; undefined when there is none. */
  findSession(sessionId: string): Readonly<FakeSession> | undefined;
  /** Whom an access token was made for, expired or not; null for any other text. */
  whose(accessToken: string): { userId: string; sessionId: string } | null;
  /** Ends a session, as from another device. */
  revokeSession(sessionId: string): void;
  /** Every access token made so far is refused as expired from now on. */
  expireAccessTokens(): void;
  /** Every access token made so far is refused as invalid from now on, as after a lost signing key. */
  forgetAccessTokens(): void;
}

const trpcPath = /^\/trpc\/([A-Za-z0-9._$-]+(?:(?:,|%2C)[A-Za-z0-9._$-]+)*)$/;

function createFakeAuth(now: () => number, lifetimes: FakeLifetimes) {
  const sessions = createFakeSessions(now, lifetimes);
  const guard = createFakeGuard(sessions, now);
  const trpc = createFakeTrpc(guard);
  const auth = {
    // A test of the wire holds the answers equal to the contract's.
    router: createFakeAuthRouter(trpc, { sessions, guard, now }) as AnyTRPCRouter as AuthRouter,
    trpc: { router: trpc.t.router, mergeRouters: trpc.t.mergeRouters },
    publicProcedure: trpc.bounded({}),
    protectedProcedure: trpc.guarded({ auth: "required" }),
    procedure: <const P extends FakePolicy>(policy: P) => trpc.guarded(policy),
  };
  return { sessions, guard, auth };
}

/**
 * Builds an auth server in memory, for tests of your own app. It speaks the real protocol: rotation with attempt
 * ids, leeway and replay, reuse that ends the session, the error shape, single and batched calls and streams.
 *
 * It knows no rate limits, no cookie mode and no list of common passwords. Its tokens protect nothing.
 *
 * @example
 * ```ts ignore
 * const clock = fakeClock();
 * const server = createFakeAuthServer({ clock });
 * const auth = createAuthClient<AppRouter>({ url: "http://app.test/trpc", fetch: server.fetch, clock });
 * await auth.register({ username: "ada", password: "correct horse battery" });
 * await clock.advance(600_000);
 * await auth.trpc.auth.me.query();
 * server.count("auth.refresh"); // 1
 * ```
 */
export function createFakeAuthServer(options: FakeAuthServerOptions = {}): FakeAuthServer {
  const clock = options.clock ?? fakeClock();
  const now = () => clock.time();
  const { sessions, guard, auth } = createFakeAuth(now, {
    accessSeconds: options.accessTokenTtlSeconds ?? 600,
    idleSeconds: options.refreshIdleTtlSeconds ?? 2_592_000,
    absoluteSeconds: options.sessionAbsoluteTtlSeconds ?? 7_776_000,
    leewaySeconds: options.refreshLeewaySeconds ?? 10,
    replaySeconds: options.refreshReplayWindowSeconds ?? 86_400,
  });
  const router: AnyTRPCRouter = options.router?.(auth) ?? auth.trpc.router({ auth: auth.router });
  const called: string[] = [];

  function requirePaths({ pathname, searchParams }: URL): string[] {
    const paths = trpcPath.exec(pathname)?.[1]?.split(/,|%2C/) ?? [];
    const { procedures } = router._def as { procedures: Record<string, { _def: { meta?: FakeMeta } }> };
    const metas = paths.map((path) => Object.hasOwn(procedures, path) ? procedures[path]?._def.meta : {});
    const isRefused = paths.length > 1 && metas.some((meta) => meta?.alone) ||
      paths.length > BATCH_MAX_CALLS && metas.some((meta) => meta?.own);
    if (isRefused) throw new FakeRefusal("INPUT_INVALID");
    if (paths.length === 0 || paths.length > 1 && searchParams.get("batch") !== "1") {
      throw new FakeRefusal("NOT_FOUND");
    }
    return paths;
  }

  /** A request without a body needs no type; tRPC would ask for one. */
  function requireJson(request: Request): Request {
    const { method, headers, body } = request;
    if (method === "GET") return request;
    if (method !== "POST") throw new FakeRefusal("METHOD_NOT_ALLOWED");
    const isJson = headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase() === "application/json";
    if (body !== null && !isJson) throw new FakeRefusal("BODY_TYPE");
    return body === null
      ? new Request(request, {
        headers: { ...Object.fromEntries(headers), "content-type": "application/json" },
      })
      : request;
  }

  async function serve(request: Request): Promise<Response> {
    const requestId = makeId();
    const authorization = request.headers.get("authorization");
    try {
      const url = new URL(request.url);
      if (options.handler && !url.pathname.startsWith("/trpc/")) {
        return await options.handler(request, (policy) => guard.identify(authorization, policy));
      }
      const req = requireJson(request);
      called.push(...requirePaths(url));
      const userAgent = request.headers.get("user-agent");
      return await fetchRequestHandler({
        endpoint: "/trpc",
        req,
        router,
        createContext: () => ({ auth: { request: { requestId, authorization, userAgent } } }),
      });
    } catch (error) {
      if (error instanceof FakeRefusal) return answerRefusal(error, requestId);
      throw error;
    }
  }

  function fetchFake(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init);
    if (request.signal.aborted) return Promise.reject(request.signal.reason);
    const aborted = new Promise<never>((_, reject) => {
      request.signal.addEventListener("abort", () => reject(request.signal.reason));
    });
    return Promise.race([serve(request), aborted]);
  }

  return {
    fetch: fetchFake,
    called,
    count: (procedure) => called.filter((one) => one === procedure).length,
    findSession: (sessionId) => sessions.sessions.get(sessionId),
    whose(accessToken) {
      const session = sessions.accesses.get(accessToken)?.session;
      return session ? { userId: session.user.id, sessionId: session.id } : null;
    },
    revokeSession(sessionId) {
      const session = sessions.sessions.get(sessionId);
      if (session) sessions.end(session, "revoked");
    },
    expireAccessTokens() {
      for (const access of sessions.accesses.values()) access.expiresAt = 0;
    },
    forgetAccessTokens() {
      for (const access of sessions.accesses.values()) access.isForgotten = true;
    },
  };
}
