import type { AnyTRPCRouter } from "@trpc/server";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { BATCH_MAX_CALLS, BODY_MAX_BYTES, BODY_READ_DEADLINE_MS } from "@watchword/shared";
import { refuse } from "../auth_error.ts";
import type { RequestFacts } from "../request.ts";
import { type Context, type Meta, toAuthError } from "../trpc.ts";
import { type AppContext, createRequestContext, isRefusalOfApp } from "./app_context.ts";
import { type BodyLimits, readBody, requireJsonText } from "./body.ts";
import { requireCookieMode } from "./csrf.ts";
import { answerPlainQuery, isPlainQuery } from "./fast_query.ts";
import { createRefreshCookie } from "./refresh_cookie.ts";
import type { Target } from "./target.ts";

/** Bounds for requests that hold only an app's own procedures. */
export interface AppLimits {
  batch: number;
  bodyBytes: number;
}

interface TrpcEdge {
  router: AnyTRPCRouter;
  allowedOrigins: ReadonlySet<string>;
  appLimits: AppLimits;
  createContext: AppContext | undefined;
}

type TrpcTarget = Extract<Target, { route: "trpc" }>;

/** What a request may be, by the procedures that it names. */
interface Bounds {
  body: BodyLimits;
  isAppOnly: boolean;
  /** It may carry what tRPC takes beside JSON: where it would be nobody's input, only another site's form sends it. */
  mayCarryForm: boolean;
  mayStream: boolean;
}

/** Time within which a body must have arrived that only an app's own procedures read. */
export const APP_BODY_DEADLINE_MS = 30_000;

/** Builds what serves `/trpc`: everything that a request must pass before tRPC sees it, in order. */
export function createTrpcServer({ router, allowedOrigins, appLimits, createContext }: TrpcEdge) {
  return async (request: Request, target: TrpcTarget, facts: RequestFacts): Promise<Response> => {
    const isCookieMode = requireCookieMode(request.headers, allowedOrigins);
    const bounds = requireBounded(target);
    const response = await answer(request, target, { facts, bounds, isCookieMode });
    // Whatever the app's context says: nobody may keep a token.
    if (!bounds.isAppOnly) response.headers.set("cache-control", "no-store");
    return response;
  };

  async function answer(
    request: Request,
    target: TrpcTarget,
    { facts, bounds, isCookieMode }: { facts: RequestFacts; bounds: Bounds; isCookieMode: boolean },
  ): Promise<Response> {
    // A stream's headers leave before the procedure has run, and the cookie would not.
    if (isCookieMode && !bounds.mayStream && asksForStream(request.headers)) throw refuse("INPUT_INVALID");

    const [path = ""] = target.paths;
    const contextFor = (openHeaders: () => Headers) =>
      createRequestContext(createContext, { req: request, auth: { request: facts }, openHeaders });
    if (target.paths.length === 1 && !target.isBatch && isPlainQuery(request, router, path)) {
      const input = new URLSearchParams(target.query).get("input");
      return await answerPlainQuery({ router, path, input, contextFor, signal: request.signal });
    }

    let reachedProcedures = false;
    let contextFailure: { cause: unknown } | undefined;
    const response = await fetchRequestHandler({
      endpoint: "/trpc",
      req: await toTrpcRequest(request, target, bounds),
      router,
      async createContext({ resHeaders }): Promise<Context> {
        reachedProcedures = true;
        if (isCookieMode) facts.refreshCookie = createRefreshCookie(request.headers, resHeaders);
        try {
          return await contextFor(() => resHeaders);
        } catch (cause) {
          if (!isRefusalOfApp(cause)) contextFailure = { cause };
          throw cause;
        }
      },
      responseMeta: ({ errors }) => {
        const wait = Math.max(0, ...errors.map((error) => toAuthError(error)?.retryAfterSeconds ?? 0));
        return wait > 0 ? { headers: new Headers({ "retry-after": String(wait) }) } : {};
      },
    });
    // tRPC refused the envelope itself. It would echo parts of the request; the fixed answer does not.
    if (!reachedProcedures) throw refuse("INPUT_INVALID");
    // The same for a context that could not be made, unless the app refused with a tRPC error of its own.
    if (contextFailure) throw contextFailure.cause;
    return response;
  }

  /** The strict limits hold for a request that calls Watchword's own procedures, the app's for the rest. */
  function requireBounded({ paths, isBatch }: TrpcTarget): Bounds {
    const found = paths.map((path) => findProcedure(router, path));
    const metas = found.map((procedure) => procedure && (procedure.meta ?? {}));
    // A router that is not loaded yet may hide a procedure that travels alone.
    const mayHide = metas.includes(undefined) && Object.keys(router._def.lazy ?? {}).length > 0;
    if (paths.length > 1 && mayHide) throw refuse("INPUT_INVALID");
    const isAppOnly = metas.every((meta) => meta !== undefined && meta.own !== true);
    const isAlone = metas.some((meta) => meta?.alone);
    if (paths.length > (isAppOnly ? appLimits.batch : BATCH_MAX_CALLS)) throw refuse("INPUT_INVALID");
    if (paths.length > 1 && isAlone) throw refuse("INPUT_INVALID");
    if (paths.length > 1 && !isBatch) throw refuse("NOT_FOUND");
    const body = isAppOnly
      ? { maxBytes: appLimits.bodyBytes, deadlineMs: APP_BODY_DEADLINE_MS }
      : { maxBytes: BODY_MAX_BYTES, deadlineMs: BODY_READ_DEADLINE_MS };
    const mayCarryForm = isAppOnly && found.every((procedure) => procedure && procedure.inputs.length > 0);
    return { body, isAppOnly, mayCarryForm, mayStream: !metas.some((meta) => meta?.setsCookie) };
  }
}

function asksForStream(headers: Headers): boolean {
  return `${headers.get("trpc-accept")},${headers.get("accept")}`.includes("application/jsonl");
}

interface Procedure {
  meta?: Partial<Meta>;
  inputs: unknown[];
}

/** What a procedure says of itself; undefined when there is no such procedure. */
function findProcedure(router: AnyTRPCRouter, path: string): Procedure | undefined {
  const { procedures } = router._def as { procedures: Record<string, { _def: Procedure }> };
  return Object.hasOwn(procedures, path) ? procedures[path]?._def : undefined;
}

/** The request as tRPC reads it: the body was read here, within its bounds. */
async function toTrpcRequest(
  request: Request,
  { path, query }: TrpcTarget,
  { body: limits, mayCarryForm }: Bounds,
): Promise<Request> {
  // From what was matched and bounded, so that a second parser cannot read another path out of the same bytes.
  const url = `http://localhost${path}${query === "" ? "" : `?${query}`}`;
  const { signal } = request;
  if (request.method === "GET") return new Request(url, { headers: request.headers, signal });
  const bytes = await readBody(request, limits);
  const headers = new Headers(request.headers);
  headers.delete("content-length");
  const isJson = !mayCarryForm || bytes.length === 0 ||
    !/^(?:multipart\/form-data|application\/octet-stream)\b/i
      .test(headers.get("content-type") ?? "");
  const body = isJson ? requireJsonText(request, bytes) : bytes;
  if (isJson) headers.set("content-type", "application/json");
  return new Request(url, { method: "POST", headers, body, signal });
}
