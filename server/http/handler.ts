import type { AnyTRPCRouter } from "@trpc/server";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { BATCH_MAX_CALLS, BODY_MAX_BYTES } from "@watchword/shared";
import { AuthError, refuse } from "../auth_error.ts";
import type { Log } from "../observe/log.ts";
import type { RequestFacts } from "../request.ts";
import { type Context, logRefusal, type Meta, toAuthError } from "../trpc.ts";
import { readJsonBody } from "./body.ts";
import { readClientAddress } from "./client_address.ts";
import { allowOrigin, createCorsPolicy, preflightResponse } from "./cors.ts";
import { requireCookieMode } from "./csrf.ts";
import { createRefreshCookie } from "./refresh_cookie.ts";
import { answerPlainQuery, isPlainQuery } from "./fast_query.ts";
import { type AnswerFacts, refusalResponse, seal } from "./respond.ts";
import { matchTarget, type Target } from "./target.ts";

/** Bounds for requests that hold only an app's own procedures. */
export interface AppLimits {
  batch: number;
  bodyBytes: number;
}

/** What the edge works with. */
export interface EdgeDeps {
  log: Log;
  jwks: () => unknown;
  isReady: () => Promise<boolean>;
  /** Exact browser origins, for CORS and for cookie mode. */
  allowedOrigins: ReadonlySet<string>;
  /** Without a list, any loopback origin may read answers; cookie mode stays closed. */
  allowLoopbackOrigins: boolean;
  trustedProxyHops: number;
  /** The service is reached over TLS. */
  isSecure: boolean;
  appLimits: AppLimits;
}

/** What a host knows of a connection; `Deno.serve` passes it. */
export interface ConnectionInfo {
  remoteAddr?: { hostname?: string } | undefined;
}

/** Serves a router and what belongs to it. Never rejects. */
export type Handler = (request: Request, info?: ConnectionInfo) => Promise<Response>;

type TrpcTarget = Extract<Target, { route: "trpc" }>;

const USER_AGENT_MAX_LENGTH = 256;
const JWKS_CACHE = "public, max-age=300";
// deno-lint-ignore no-control-regex -- these are what must not reach a log or a terminal
const controlCharacters = /[\u0000-\u001f\u007f-\u009f]/g;

/** Builds the handler for a router. Everything that a request must pass before tRPC sees it is here, in order. */
export function createHandler(deps: EdgeDeps, router: AnyTRPCRouter): Handler {
  const cors = createCorsPolicy(deps.allowedOrigins, { allowLoopback: deps.allowLoopbackOrigins });

  return async (request, info) => {
    const facts = readFacts(request, info);
    const answer: AnswerFacts = {
      requestId: facts.requestId,
      hadToken: facts.authorization !== null,
      isSecure: deps.isSecure,
    };
    let response: Response;
    try {
      response = await route(request, facts);
    } catch (error) {
      const refusal = toAuthError(error) ?? new AuthError("INTERNAL", { cause: error });
      logRefusal(deps.log, refusal, { requestId: facts.requestId, path: "" });
      response = refusalResponse(refusal, answer);
      if (refusal.reason === "METHOD_NOT_ALLOWED") response.headers.set("allow", "GET, POST, OPTIONS");
    }
    allowOrigin(response, request, cors);
    return seal(response, answer);
  };

  function readFacts(request: Request, info: ConnectionInfo | undefined): RequestFacts {
    const { headers } = request;
    const userAgent = headers.get("user-agent")?.replace(controlCharacters, " ").slice(
      0,
      USER_AGENT_MAX_LENGTH,
    );
    return {
      requestId: crypto.randomUUID(),
      authorization: headers.get("authorization"),
      userAgent: userAgent ?? null,
      ...readClientAddress(headers, info?.remoteAddr?.hostname ?? null, deps.trustedProxyHops),
    };
  }

  async function route(request: Request, facts: RequestFacts): Promise<Response> {
    const target = matchTarget(request.url);
    if (target.route === "unknown") throw refuse("NOT_FOUND");
    const { method } = request;
    if (method === "OPTIONS") return preflightResponse(request, cors);
    if (method !== "GET" && !(method === "POST" && target.route === "trpc")) {
      throw refuse("METHOD_NOT_ALLOWED");
    }
    switch (target.route) {
      case "jwks":
        return Response.json(deps.jwks(), { headers: { "cache-control": JWKS_CACHE } });
      case "live":
        return healthResponse(true);
      case "ready":
        return healthResponse(await deps.isReady());
      case "trpc":
        return await serveTrpc(request, target, facts);
    }
  }

  async function serveTrpc(request: Request, target: TrpcTarget, facts: RequestFacts): Promise<Response> {
    const isCookieMode = requireCookieMode(request.headers, deps.allowedOrigins);
    // A host that no URL parser takes would fail further in.
    if (!URL.canParse(request.url)) throw refuse("INPUT_INVALID");
    const { bodyBytes, mayStream } = requireBounded(target);
    // A stream's headers leave before the procedure has run, and the cookie would not.
    if (isCookieMode && !mayStream && asksForStream(request.headers)) throw refuse("INPUT_INVALID");
    const [path = ""] = target.paths;
    if (target.paths.length === 1 && !target.isBatch && isPlainQuery(request, router, path)) {
      const input = new URLSearchParams(target.query).get("input");
      return await answerPlainQuery({
        router,
        path,
        input,
        ctx: { auth: { request: facts } },
        signal: request.signal,
      });
    }
    const body = request.method === "POST" ? await readJsonBody(request, bodyBytes) : null;
    let reachedProcedures = false;
    const response = await fetchRequestHandler({
      endpoint: "/trpc",
      req: toTrpcRequest(request, body),
      router,
      createContext: ({ resHeaders }): Context => {
        reachedProcedures = true;
        if (isCookieMode) facts.refreshCookie = createRefreshCookie(request.headers, resHeaders);
        return { auth: { request: facts } };
      },
      responseMeta: ({ errors }) => {
        const waits = errors.map((error) => toAuthError(error)?.retryAfterSeconds ?? 0);
        const wait = Math.max(0, ...waits);
        return wait > 0 ? { headers: new Headers({ "retry-after": String(wait) }) } : {};
      },
    });
    // tRPC refused the envelope itself. It would echo parts of the request; the fixed answer does not.
    if (!reachedProcedures) throw refuse("INPUT_INVALID");
    return response;
  }

  /** The strict limits hold for a request that calls Watchword's own procedures, the app's for the rest. */
  function requireBounded({ paths, isBatch }: TrpcTarget): AppLimits & { mayStream: boolean } {
    const metas = paths.map((path) => findMeta(router, path));
    const isAppOnly = metas.every((meta) => meta !== undefined && meta.own !== true);
    const limits = isAppOnly ? deps.appLimits : { batch: BATCH_MAX_CALLS, bodyBytes: BODY_MAX_BYTES };
    if (paths.length > limits.batch) throw refuse("INPUT_INVALID");
    if (paths.length > 1 && metas.some((meta) => meta?.alone)) throw refuse("INPUT_INVALID");
    if (paths.length > 1 && !isBatch) throw refuse("NOT_FOUND");
    return { ...limits, mayStream: !metas.some((meta) => meta?.alone) };
  }
}

function asksForStream(headers: Headers): boolean {
  return `${headers.get("trpc-accept")},${headers.get("accept")}`.includes("application/jsonl");
}

function findMeta(router: AnyTRPCRouter, path: string): Meta | undefined {
  const { procedures } = router._def as { procedures: Record<string, { _def: { meta?: Meta } }> };
  return Object.hasOwn(procedures, path)
    ? procedures[path]?._def.meta ?? { policy: { auth: "public" } }
    : undefined;
}

/** The request as tRPC reads it: the body was read here, within its bounds. */
function toTrpcRequest(request: Request, body: string | null): Request {
  if (request.method === "GET") return request;
  const headers = new Headers(request.headers);
  headers.set("content-type", "application/json");
  headers.delete("content-length");
  return new Request(request.url, { method: "POST", headers, body: body ?? "", signal: request.signal });
}

function healthResponse(isUp: boolean): Response {
  return Response.json({ status: isUp ? "ok" : "unavailable" }, { status: isUp ? 200 : 503 });
}
