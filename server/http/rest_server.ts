import { type AnyTRPCRouter, callTRPCProcedure, getTRPCErrorFromUnknown } from "@trpc/server";
import { BODY_MAX_BYTES, BODY_READ_DEADLINE_MS } from "@watchword/shared";
import { refuse } from "../auth_error.ts";
import type { RequestFacts } from "../request.ts";
import { type Context, toAuthError } from "../trpc.ts";
import { type AppContext, createRequestContext, isRefusalOfApp } from "./app_context.ts";
import { readBody, requireJsonText } from "./body.ts";
import { requireCookieMode } from "./csrf.ts";
import { isStream } from "./fast_query.ts";
import { appProblemResponse, problemResponse } from "./problem.ts";
import { createRefreshCookie } from "./refresh_cookie.ts";
import { createInputReader } from "./rest_input.ts";
import { createRestFinder, NO_CONTENT, type RestRoute } from "./rest_routes.ts";
import { APP_BODY_DEADLINE_MS, type AppLimits } from "./serve_trpc.ts";
import type { Target } from "./target.ts";

interface RestEdge {
  router: AnyTRPCRouter;
  routes: RestRoute[];
  allowedOrigins: ReadonlySet<string>;
  appLimits: AppLimits;
  createContext: AppContext | undefined;
  /** The page that explains the reasons. */
  docsUrl: string;
}

type RestTarget = Extract<Target, { route: "rest" }>;

/** The REST facade: another way to call the same procedures. */
export interface RestServer {
  /** The methods of a path; null when there is nothing at it. */
  methodsAt(path: string): string[] | null;
  /** Serves a request whose method is one of them. */
  serve(request: Request, target: RestTarget, facts: RequestFacts): Promise<Response>;
}

/** Builds what serves `/v1`: a request becomes its procedure's input, and goes through all that tRPC does around it. */
export function createRestServer(edge: RestEdge): RestServer {
  const { router, routes, allowedOrigins, appLimits, createContext, docsUrl } = edge;
  const findPlace = createRestFinder(routes);
  const readers = new Map(routes.map((route) => [route, createInputReader(route)]));

  /** Within its bounds before anything else; what it says, only the procedure asks, after its guard. */
  async function readText(request: Request, { method, meta }: RestRoute): Promise<string> {
    if (method === "GET") return "";
    const limits = meta.own
      ? { maxBytes: BODY_MAX_BYTES, deadlineMs: BODY_READ_DEADLINE_MS }
      : { maxBytes: appLimits.bodyBytes, deadlineMs: APP_BODY_DEADLINE_MS };
    return requireJsonText(request, await readBody(request, limits));
  }

  async function callProcedure(
    { procedure, type }: RestRoute,
    { request, facts, headers, readInput }: Call,
  ): Promise<{ data: unknown } | Response> {
    let ctx: Context | undefined;
    try {
      ctx = await createRequestContext(createContext, {
        req: request,
        auth: { request: facts },
        openHeaders: () => headers,
      });
      const data: unknown = await callTRPCProcedure({
        router,
        path: procedure,
        ctx,
        type,
        signal: request.signal,
        batchIndex: 0,
        // Read late: whoever the guard refuses learns nothing about the input.
        getRawInput: () => new Promise((resolve) => resolve(readInput())),
      });
      if (isStream(data)) throw refuse("BODY_TYPE");
      return { data };
    } catch (cause) {
      // A context that could not be made: nothing has written it to the log yet.
      if (ctx === undefined && !isRefusalOfApp(cause)) throw cause;
      const error = getTRPCErrorFromUnknown(cause);
      const refusal = toAuthError(error);
      const problem = { requestId: facts.requestId, docsUrl, headers };
      return refusal === null ? appProblemResponse(error, problem) : problemResponse(refusal, problem);
    }
  }

  /** @throws when the data is no JSON, which is a bug of the app's */
  async function answer(route: RestRoute, call: Call): Promise<Response> {
    const outcome = await callProcedure(route, call);
    if (outcome instanceof Response) return outcome;
    const { headers } = call;
    if (route.status === NO_CONTENT) return new Response(null, { status: NO_CONTENT, headers });
    return Response.json(outcome.data ?? null, { status: route.status, headers });
  }

  return {
    methodsAt(path) {
      const place = findPlace(path);
      return place && [...Object.keys(place.routes), "OPTIONS"];
    },
    async serve(request, { path, query }, facts) {
      const isCookieMode = requireCookieMode(request.headers, allowedOrigins);
      const { routes = {}, params = {} } = findPlace(path) ?? {};
      const route = routes[request.method];
      if (!route) throw refuse("NOT_FOUND");
      const text = await readText(request, route);
      const headers = new Headers();
      if (isCookieMode) facts.refreshCookie = createRefreshCookie(request.headers, headers);
      const readInput = () => readers.get(route)?.({ params, query, text });
      const response = await answer(route, { request, facts, headers, readInput });
      // Whatever the app's context says: nobody may keep a token.
      if (route.meta.own) response.headers.set("cache-control", "no-store");
      return response;
    },
  };
}

interface Call {
  request: Request;
  facts: RequestFacts;
  /** Of the answer. */
  headers: Headers;
  readInput: () => unknown;
}
