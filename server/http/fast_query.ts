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

interface FastQuery {
  router: AnyTRPCRouter;
  path: string;
  /** The text of the `input` parameter, or null. */
  input: string | null;
  ctx: Context;
  signal: AbortSignal;
}

const headers = { "content-type": "application/json", vary: "trpc-accept, accept" };

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
export async function answerPlainQuery({ router, path, input, ctx, signal }: FastQuery): Promise<Response> {
  const config = router._def._config;
  let rawInput: unknown;
  try {
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
    const error = getTRPCErrorFromUnknown(cause);
    const shape = getErrorShape({ config, error, type: "query", path, input: rawInput, ctx });
    const status = shape.data?.httpStatus ?? getHTTPStatusCodeFromError(error);
    const wait = toAuthError(error)?.retryAfterSeconds;
    return new Response(JSON.stringify(transformTRPCResponse(config, { error: shape })), {
      status,
      headers: wait === undefined ? headers : { ...headers, "retry-after": String(wait) },
    });
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

// A stream needs the adapter's streaming response, which was not asked for.
function isStream(data: unknown): boolean {
  if (typeof data !== "object" || data === null) return false;
  return [data, ...Object.values(data)].some((value) =>
    value instanceof Promise || (typeof value === "object" && value !== null && Symbol.asyncIterator in value)
  );
}
