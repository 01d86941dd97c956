import type { AnyTRPCRouter } from "@trpc/server";
import { AuthError, refuse } from "../auth_error.ts";
import type { Log } from "../observe/log.ts";
import { type Context, logRefusal, shapeRefusal } from "../trpc.ts";

type FormatterOptions = Parameters<AnyTRPCRouter["_def"]["_config"]["errorFormatter"]>[0];

/**
 * A router as it is served. What tRPC refuses before a procedure runs, and what ends a stream after it ran, reaches
 * the root's error formatter alone; under a root of the app's own it would lose its reason there.
 *
 * @throws RangeError when the router has another path separator: its procedures would be called by names that the
 *   limits of the edge do not know
 */
export function createServedRouter(router: AnyTRPCRouter, log: Log): AnyTRPCRouter {
  const config = router._def._config;
  const { procedures } = router._def as { procedures: Record<string, unknown> };
  if ((config.pathSeparator ?? ".") !== ".") {
    throw new RangeError('the router must have the pathSeparator "."');
  }

  function findRefusal({ error, path }: FormatterOptions): AuthError | null {
    if (error.cause instanceof AuthError) return error.cause;
    if (path !== undefined && !Object.hasOwn(procedures, path)) return refuse("NOT_FOUND");
    return error.code === "METHOD_NOT_SUPPORTED" ? refuse("METHOD_NOT_ALLOWED") : null;
  }

  function errorFormatter(options: FormatterOptions): unknown {
    const ctx: Context | undefined = options.ctx;
    const refusal = findRefusal(options);
    if (refusal === null || ctx === undefined) return config.errorFormatter(options);
    logRefusal(log, refusal, { requestId: ctx.auth.request.requestId, path: options.path ?? "" });
    return shapeRefusal({ ...options, ctx }, refusal);
  }

  return { ...router, _def: { ...router._def, _config: { ...config, errorFormatter } } };
}
