import type { AnyTRPCRouter } from "@trpc/server";
import { AuthError, refuse } from "../auth_error.ts";
import type { Log } from "../observe/log.ts";
import type { RequestFacts } from "../request.ts";
import { isBearer } from "../tokens/read_bearer.ts";
import { logRefusal, toAuthError } from "../trpc.ts";
import type { AppContext } from "./app_context.ts";
import { allowOrigin, createCorsPolicy, isForeignForm, preflightResponse } from "./cors.ts";
import { problemResponse } from "./problem.ts";
import type { ConnectionInfo } from "./remote_address.ts";
import { type EdgeSettings, readFacts } from "./request_facts.ts";
import { type AnswerFacts, refusalResponse, seal } from "./respond.ts";
import { createRestDocs } from "./rest_docs.ts";
import { readRestRoutes } from "./rest_routes.ts";
import { createRestServer } from "./rest_server.ts";
import type { RevocationFeed } from "./revocation_feed.ts";
import { createServedRouter } from "./served_router.ts";
import { type AppLimits, createTrpcServer } from "./serve_trpc.ts";
import { hasPlainHost, matchTarget, type Target } from "./target.ts";

/** What the edge works with. */
export interface EdgeDeps {
  log: Log;
  jwks: () => unknown;
  isReady: () => Promise<boolean>;
  settings: EdgeSettings;
  /** Without a list of origins, any loopback origin may read answers; cookie mode stays closed. */
  allowLoopbackOrigins: boolean;
  /** The origin that the service is reached at. */
  issuer: string;
  appLimits: AppLimits;
  createContext: AppContext | undefined;
  /** Absent when it is off; then its path is one like any other. */
  revocationFeed: RevocationFeed | undefined;
}

/** Serves a router and what belongs to it. Never rejects. */
export type Handler = (request: Request, info?: ConnectionInfo) => Promise<Response>;

const JWKS_CACHE = "public, max-age=300";

/** Builds the handler for a router: the edge of every request, and the one place where an answer leaves. */
export function createHandler(deps: EdgeDeps, appRouter: AnyTRPCRouter): Handler {
  const { log, settings, issuer, appLimits, createContext } = deps;
  const { allowedOrigins } = settings;
  const cors = createCorsPolicy(allowedOrigins, { allowLoopback: deps.allowLoopbackOrigins });
  const router = createServedRouter(appRouter, log);
  const serveTrpc = createTrpcServer({ router, allowedOrigins, appLimits, createContext });
  const routes = readRestRoutes(router);
  const docsUrl = `${issuer}/docs`;
  const docs = createRestDocs(routes, { issuer, docsUrl });
  const rest = createRestServer({ router, routes, allowedOrigins, appLimits, createContext, docsUrl });
  const isSecure = issuer.startsWith("https:");

  let hasWarned = false;

  return async (request, info) => {
    const facts = readFacts(request, info, settings);
    if (facts.ip === null && !hasWarned) {
      hasWarned = true;
      log.warn("the host passes no client address, so all callers share the limits of one");
    }
    const { requestId, authorization } = facts;
    const answer: AnswerFacts = { requestId, hadToken: isBearer(authorization), isSecure };
    const target = matchTarget(request.url);
    let response: Response;
    try {
      response = await route(request, target, facts);
    } catch (error) {
      const refusal = toAuthError(error) ?? new AuthError("INTERNAL", { cause: error });
      logRefusal(log, refusal, { requestId, path: "" });
      response = isOfRest(target)
        ? problemResponse(refusal, { requestId, docsUrl })
        : refusalResponse(refusal, answer, router);
      if (refusal.reason === "METHOD_NOT_ALLOWED") {
        response.headers.set("allow", methodsAt(target)?.join(", ") ?? "");
      }
    }
    allowOrigin(response, request, cors);
    return seal(response, answer);
  };

  /** The methods of a target; null when there is nothing at it. */
  function methodsAt(target: Target): string[] | null {
    switch (target.route) {
      case "unknown":
      case "invalid":
        return null;
      case "trpc":
        return ["GET", "POST", "OPTIONS"];
      case "rest":
        return rest.methodsAt(target.path);
      case "revocations":
        return deps.revocationFeed === undefined ? null : ["GET", "OPTIONS"];
      default:
        return ["GET", "OPTIONS"];
    }
  }

  async function route(request: Request, target: Target, facts: RequestFacts): Promise<Response> {
    if (target.route === "invalid" || !hasPlainHost(request.headers)) throw refuse("INPUT_INVALID");
    const methods = methodsAt(target);
    if (target.route === "unknown" || methods === null) throw refuse("NOT_FOUND");
    if (request.method === "OPTIONS") return preflightResponse(request, cors, methods);
    if (!methods.includes(request.method)) throw refuse("METHOD_NOT_ALLOWED");
    if (isForeignForm(request.headers, cors)) throw refuse("BODY_TYPE");
    switch (target.route) {
      case "jwks":
        return Response.json(deps.jwks(), { headers: { "cache-control": JWKS_CACHE } });
      case "live":
        return healthResponse(true);
      case "ready":
        return healthResponse(await deps.isReady());
      case "openapi":
        return docs.openapi();
      case "docs":
        return docs.page();
      case "revocations":
        if (deps.revocationFeed === undefined) throw refuse("NOT_FOUND");
        return deps.revocationFeed.serve(request.headers);
      case "trpc":
        return await serveTrpc(request, target, facts);
      case "rest":
        return await rest.serve(request, target, facts);
    }
  }
}

function isOfRest({ route }: Target): boolean {
  return route === "rest" || route === "openapi" || route === "docs";
}

function healthResponse(isUp: boolean): Response {
  return Response.json({ status: isUp ? "ok" : "unavailable" }, { status: isUp ? 200 : 503 });
}
