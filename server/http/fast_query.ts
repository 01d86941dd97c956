import {
  type AnyTRPCRouter,
  callTRPCProcedure,
  getTRPCErrorFromUnknown,
  transformTRPCResponse,
} from "@trpc/server";
import { getHTTPStatusCodeFromError } from "@trpc/server/http";
import { getErrorShape } from "@trpc/server/shared";
import { refuse } from "../auth_error.ts";
import { type Context, toAuthError } from "../trpc.ts";
import { isRefusalOfApp } from "./app_context.ts";

interface FastQuery {
  router: AnyTRPCRouter;
  path: string;
  /** The text of the `input` parameter, or null. */
  input: string | null;
  contextFor: (openHeaders: () => Headers) => Context | Promise<Context>;
  signal: AbortSignal;
}

const jsonHeaders = { "content-type": "application/json", vary: "trpc-accept, accept" };

/** Tells whether a request is one JSON query and nothing else, which most are. */
export function isPlainQuery(request: Request, router: AnyTRPCRouter, path: string): boolean {
  if (request.method !== "GET" || request.headers.get("trpc-accept") !== null) return false;
  if (request.headers.get("content-type") !== null) return false;
  if (request.headers.get("accept")?.includes("application/jsonl")) return false;
  const { procedures } = router._def as { procedures: Record<string, { _def: { type: string } }> };
  return Object.hasOwn(procedures, path) && procedures[path]?._def.type === "query";
}

/**
 * Answers one JSON query without tRPC's HTTP adapter, which costs more than the procedure. The procedure, its
 * middlewares, the transformer and the error shape are tRPC's own; a test holds the answers equal to the adapter's.
 */
export async function answerPlainQuery(
  { router, path, input, contextFor, signal }: FastQuery,
): Promise<Response> {
  const config = router._def._config;
  let headers: HeadersInit = jsonHeaders;
  let rawInput: unknown;
  let ctx: Context | undefined;
  try {
    const made = contextFor(() => headers = new Headers(jsonHeaders));
    ctx = made instanceof Promise ? await made : made;
    const data = await callTRPCProcedure({
      router,
      path,
      ctx,
      signal,
      type: "query",
      batchIndex: 0,
      getRawInput: () => Promise.resolve(rawInput = readInput(input, config.transformer.input.deserialize)),
    });
    if (isStream(data)) throw refuse("BODY_TYPE");
    return new Response(JSON.stringify(transformTRPCResponse(config, { result: { data } })), { headers });
  } catch (cause) {
    if (ctx === undefined && !isRefusalOfApp(cause)) throw cause;
    const error = getTRPCErrorFromUnknown(cause);
    const shape = getErrorShape({ config, error, type: "query", path, input: rawInput, ctx });
    const status = shape.data?.httpStatus ?? getHTTPStatusCodeFromError(error);
    const wait = toAuthError(error)?.retryAfterSeconds;
    const response = new Response(JSON.stringify(transformTRPCResponse(config, { error: shape })), {
      status,
      headers,
    });
    if (wait !== undefined) response.headers.set("retry-after", String(wait));
    return response;
  }
}

function readInput(input: string | null, deserialize: (value: unknown) => unknown): unknown {
  if (!input) return undefined;
  try {
    return deserialize(JSON.parse(input));
  } catch (cause) {
    throw refuse("INPUT_INVALID", { cause });
  }
}

/** Tells whether an answer holds a stream, which needs the adapter's streaming response. */
export function isStream(data: unknown): boolean {
  if (typeof data !== "object" || data === null) return false;
  return [data, ...Object.values(data)].some((value) =>
    value instanceof Promise || (typeof value === "object" && value !== null && Symbol.asyncIterator in value)
  );
}
