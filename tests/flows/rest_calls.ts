import type { AnyTRPCRouter } from "@trpc/server";
import { readRestRoutes, type RestRoute } from "../../server/http/rest_routes.ts";
import { createServiceRouter } from "../../server/service_router.ts";
import type { RawAnswer, TestApp } from "../kit/app.ts";

/** One call, in whatever way it travels. */
export interface RestCall {
  /** `auth.login` */
  procedure: string;
  input?: Record<string, unknown>;
  bearer?: string | undefined;
  headers?: Record<string, string>;
}

/** The routes of the stand-alone service. */
export function listRoutes({ auth }: TestApp): RestRoute[] {
  return readRestRoutes(createServiceRouter(auth) as AnyTRPCRouter);
}

/** The same call over tRPC. */
export function callTrpc(
  app: TestApp,
  { procedure, input, bearer, headers = {} }: RestCall,
): Promise<RawAnswer> {
  const isQuery = requireRoute(app, procedure).method === "GET";
  return app.call(procedure, { bearer, headers, ...(isQuery ? {} : { body: input ?? {} }) });
}

/** The same call over REST: path names from the input, the rest in the body. */
export function callRest(
  app: TestApp,
  { procedure, input = {}, bearer, headers = {} }: RestCall,
): Promise<RawAnswer> {
  const { method, template, names } = requireRoute(app, procedure);
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(input[name]));
  const rest = Object.fromEntries(Object.entries(input).filter(([name]) => !names.includes(name)));
  const hasBody = method !== "GET" && (names.length === 0 || Object.keys(rest).length > 0);
  return app.call(path, { method, bearer, headers, ...(hasBody ? { body: rest } : {}) });
}

/** The problem in an answer (RFC 9457). */
export interface ReadProblem {
  type: string;
  title: string;
  status: number;
  reason: string;
  requestId: string;
  retryAfterSeconds?: number;
  maxAgeSeconds?: number;
}

/** Reads a refusal over REST; null when it is a success. */
export function readProblem({ headers, text }: RawAnswer): ReadProblem | null {
  return headers.get("content-type") === "application/problem+json" ? JSON.parse(text) : null;
}

/** Status, and the reason of a refusal. */
export function restOutcome(answer: RawAnswer): string {
  const problem = readProblem(answer);
  return problem ? `${answer.status} ${problem.reason}` : String(answer.status);
}

function requireRoute(app: TestApp, procedure: string): RestRoute {
  const route = listRoutes(app).find((route) => route.procedure === procedure);
  if (route === undefined) throw new Error(`${procedure} has no REST route`);
  return route;
}
