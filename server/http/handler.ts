import type { AnyTRPCRouter } from "@trpc/server";
import { AuthError, refuse } from "../auth_error.ts";
import { isBearer } from "../guard.ts";
import type { Log } from "../observe/log.ts";
import type { RequestFacts } from "../request.ts";
import { logRefusal, toAuthError } from "../trpc.ts";
import { allowOrigin, createCorsPolicy, preflightResponse } from "./cors.ts";
import { type ConnectionInfo, type EdgeSettings, readFacts } from "./request_facts.ts";
import { type AnswerFacts, refusalResponse, seal } from "./respond.ts";
import { type AppLimits, createTrpcServer } from "./serve_trpc.ts";
import { hasPlainHost, matchTarget } from "./target.ts";

/** What the edge works with. */
export interface EdgeDeps {
  log: Log;
  jwks: () => unknown;
  isReady: () => Promise<boolean>;
  settings: EdgeSettings;
  /** Without a list of origins, any loopback origin may read answers; cookie mode stays closed. */
  allowLoopbackOrigins: boolean;
  /** The service is reached over TLS. */
  isSecure: boolean;
  appLimits: AppLimits;
}

/** Serves a router and what belongs to it. Never rejects. */
export type Handler = (request: Request, info?: ConnectionInfo) => Promise<Response>;

const JWKS_CACHE = "public, max-age=300";

/** Builds the handler for a router: the edge of every request, and the one place where an answer leaves. */
export function createHandler(deps: EdgeDeps, router: AnyTRPCRouter): Handler {
  const { log, settings, isSecure, appLimits } = deps;
  const { allowedOrigins } = settings;
  const cors = createCorsPolicy(allowedOrigins, { allowLoopback: deps.allowLoopbackOrigins });
  const serveTrpc = createTrpcServer({ router, allowedOrigins, appLimits });

  return async (request, info) => {
    const facts = readFacts(request, info, settings);
    const { requestId, authorization } = facts;
    const answer: AnswerFacts = { requestId, hadToken: isBearer(authorization), isSecure };
    let response: Response;
    try {
      response = await route(request, facts);
    } catch (error) {
      const refusal = toAuthError(error) ?? new AuthError("INTERNAL", { cause: error });
      logRefusal(log, refusal, { requestId, path: "" });
      response = refusalResponse(refusal, answer);
      if (refusal.reason === "METHOD_NOT_ALLOWED") response.headers.set("allow", "GET, POST, OPTIONS");
    }
    allowOrigin(response, request, cors);
    return seal(response, answer);
  };

  async function route(request: Request, facts: RequestFacts): Promise<Response> {
    if (!hasPlainHost(request.headers)) throw refuse("INPUT_INVALID");
    const target = matchTarget(request.url);
    if (target.route === "invalid") throw refuse("INPUT_INVALID");
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
}

function healthResponse(isUp: boolean): Response {
  return Response.json({ status: isUp ? "ok" : "unavailable" }, { status: isUp ? 200 : 503 });
}
