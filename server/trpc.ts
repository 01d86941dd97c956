import { initTRPC, TRPCError } from "@trpc/server";
import { TRPC_ERROR_CODES_BY_KEY } from "@trpc/server/rpc";
import { ZodError } from "zod";
import { type AuthErrorData, codeOfStatus, type Reason, reasons } from "@watchword/shared";
import { AuthError, isAppError, markAppError, refuse } from "./auth_error.ts";
import type { CallerPolicy, Guard, Policy } from "./guard.ts";
import { describeBug, type Log } from "./observe/log.ts";
import type { AuthRequest, Identity } from "./request.ts";
import { isDatabaseUnavailable } from "./store/errors.ts";
import { runOnSocket } from "./socket_calls.ts";
import { endWithCaller } from "./end_with_caller.ts";

/** What every procedure gets. An app's own context has at least this. */
export interface Context {
  auth: AuthRequest;
}

/** What is known of a procedure without calling it. */
export interface Meta {
  /** Set by the procedures that this is built on; `.meta()` adds to it. */
  policy?: Policy;
  /** One of Watchword's own: the strict limits of the edge hold for it. */
  own?: true;
  /** Never beside another call in a batch, and never over a WebSocket. */
  alone?: true;
  /** Sets or clears the refresh cookie, so its answer cannot be a stream. */
  setsCookie?: true;
  /** Its route in the REST facade, `POST /v1/login`; with the status of a success that is not 200 behind it, and no body for 204. */
  rest?: `${RestMethod} /v1/${string}`;
  /** One line on what it does. */
  summary?: string;
  /** What its own code refuses with, beside what the edge, its policy and the database may. */
  refusals?: readonly Reason[];
}

/** Methods of the REST facade. */
export type RestMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** `data` of every error. `auth` is absent only where an app's procedure threw a tRPC error of its own. */
export interface ErrorData {
  code: TRPCError["code"];
  httpStatus: number;
  path?: string;
  requestId: string;
  auth?: AuthErrorData;
}

// What tRPC itself refuses before a procedure is found or run.
const reasonOfCode: Partial<Record<TRPCError["code"], Reason>> = {
  BAD_REQUEST: "INPUT_INVALID",
  PARSE_ERROR: "INPUT_INVALID",
  NOT_FOUND: "NOT_FOUND",
  METHOD_NOT_SUPPORTED: "METHOD_NOT_ALLOWED",
  UNSUPPORTED_MEDIA_TYPE: "BODY_TYPE",
  PAYLOAD_TOO_LARGE: "BODY_TOO_LARGE",
};

/**
 * The one boundary: whatever was thrown becomes one of the closed list of reasons. Null is an app's own
 * tRPC error, which stays as the app made it.
 */
export function toAuthError(error: unknown, { own = false }: { own?: boolean } = {}): AuthError | null {
  if (error instanceof AuthError) return error;
  if (!(error instanceof TRPCError)) {
    return isDatabaseUnavailable(error)
      ? new AuthError("UNAVAILABLE", { cause: error, retryAfterSeconds: 1 })
      : new AuthError("INTERNAL", { cause: error });
  }
  if (error.cause instanceof AuthError) return error.cause;
  if (error.code === "INTERNAL_SERVER_ERROR") {
    return error.cause ? toAuthError(error.cause) : new AuthError("INTERNAL", { cause: error });
  }
  // JSON that is none: the parser's message would echo it.
  if ((own && !isAppError(error)) || error.cause instanceof SyntaxError) {
    const reason = reasonOfCode[error.code];
    return reason ? refuse(reason, { cause: error }) : new AuthError("INTERNAL", { cause: error });
  }
  return null;
}

/** An {@link AuthError} as tRPC's error: its code, its fixed message, itself as the cause. */
export function toTRPCError(error: AuthError): TRPCError {
  const { status, message } = reasons[error.reason];
  return new TRPCError({ code: codeOfStatus[status], message, cause: error });
}

/** `data.auth` of an answer. */
export function toErrorData(
  { reason, executed, retryAfterSeconds, maxAgeSeconds }: AuthError,
): AuthErrorData {
  return {
    reason,
    executed,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }),
  };
}

/** Writes a refusal by its reason only, and a stack only for a bug. */
export function logRefusal(
  log: Log,
  error: AuthError,
  { requestId, path }: { requestId: string; path: string },
) {
  const { reason, executed, cause } = error;
  if (reason === "INTERNAL") log.error("bug", { requestId, path, ...describeBug(cause) });
  else {log[reasons[reason].status === 503 ? "warn" : "info"]("refused", {
      requestId,
      path,
      reason,
      executed,
    });}
}

interface Shape {
  message: string;
  code: number;
  data: { code: TRPCError["code"]; httpStatus: number; path?: string };
}

interface ErrorOptions<S> {
  error: TRPCError;
  shape: S;
  ctx: Context | undefined;
}

/** The shape of a refusal: fixed text, and `data.auth`. */
export function shapeRefusal<S extends Shape>(
  { shape, ctx }: ErrorOptions<S>,
  refusal: AuthError,
): S & { data: ErrorData } {
  const { status, message } = reasons[refusal.reason];
  const { path } = shape.data;
  const requestId = ctx?.auth.request.requestId ?? "";
  const data: ErrorData = {
    code: codeOfStatus[status],
    httpStatus: status,
    requestId,
    auth: toErrorData(refusal),
  };
  const code = TRPC_ERROR_CODES_BY_KEY[data.code];
  return { ...shape, code, message, data: path === undefined ? data : { ...data, path } };
}

/** The shape of an app's own error: as tRPC made it, and what is ours beside it. */
function shapeAppError<S extends Shape>({ error, shape, ctx }: ErrorOptions<S>): S & { data: ErrorData } {
  const requestId = ctx?.auth.request.requestId ?? "";
  const auth: AuthErrorData | undefined = isInputError(error)
    ? { reason: "INPUT_INVALID", executed: false }
    : undefined;
  return { ...shape, data: { ...shape.data, requestId, ...(auth ? { auth } : {}) } };
}

// tRPC throws it before the resolver; its message names the app's fields, which the app's forms want.
function isInputError({ code, cause }: TRPCError): boolean {
  return code === "BAD_REQUEST" && cause instanceof ZodError;
}

/** A call, as what surrounds it is told of it. */
interface Call {
  ctx: Context;
  path: string;
  meta: Meta | undefined;
  own: boolean;
}

interface TrpcDeps {
  guard: Guard;
  log: Log;
  /** Calls back about every second. @returns what stops it */
  onTick: (tick: () => void) => () => void;
}

/** Initialises tRPC, once. `Claims` are the app's own. */
export function createTrpc<Claims>({ guard, log, onTick }: TrpcDeps) {
  const t = initTRPC.context<Context>().meta<Meta>().create({
    // Never a stack trace in an answer, whatever NODE_ENV says.
    isDev: false,
    errorFormatter: (options) =>
      // What else reaches the root formatter, tRPC refused by itself.
      isAppError(options.error) ? shapeAppError(options) : shapeRefusal(options, refuseByTrpc(options)),
  });

  /** What tRPC refused by itself has passed no procedure, so it is written here. */
  function refuseByTrpc(
    { error, ctx, path }: { error: TRPCError; ctx: Context | undefined; path: string | undefined },
  ): AuthError {
    const refusal = toAuthError(error, { own: true }) ?? new AuthError("INTERNAL", { cause: error });
    // Without a context the edge answers instead, and writes it.
    if (ctx) logRefusal(log, refusal, { requestId: ctx.auth.request.requestId, path: path ?? "" });
    return refusal;
  }

  // `.errors()` is the innermost formatter, so an app's own root formatter cannot wipe the reason away. An app's own
  // errors it leaves to that formatter.
  const formatted = (own: boolean) =>
    t.procedure.errors((options) => {
      const refusal = toAuthError(options.error, { own });
      return refusal === null ? undefined : shapeRefusal(options, refusal);
    });

  /** What a failure leaves as: a reason, or an app's own error as the app made it. */
  function toFailure<E>(error: E, { ctx, path, own }: Call): E | TRPCError {
    const refusal = toAuthError(error, { own });
    if (refusal === null) {
      if (error instanceof TRPCError) markAppError(error);
      return error;
    }
    logRefusal(log, refusal, { requestId: ctx.auth.request.requestId, path });
    return toTRPCError(refusal);
  }

  // One middleware for everything that surrounds a procedure: each costs a call more than what it does.
  async function runBounded<R extends { ok: true } | { ok: false; error: TRPCError }>(
    call: Call,
    run: () => Promise<R>,
  ): Promise<R> {
    const { refusal: forged, socket } = call.ctx.auth.request;
    let result: R;
    try {
      if (forged) throw forged;
      const isAlone = call.meta?.alone === true;
      result = await (call.own && socket ? runOnSocket(socket, { isAlone, run }) : run());
    } catch (error) {
      throw toFailure(error, call);
    }
    return result.ok ? result : { ...result, error: toFailure(result.error, call) };
  }

  /** A procedure whose caller is checked against a policy; `ctx.auth` is who it is. */
  function guarded<P extends CallerPolicy>(policy: P, { own }: { own: boolean }) {
    type Caller = Identity<Claims> | (P["auth"] extends "optional" ? null : never);
    return formatted(own).meta(own ? { policy, own } : { policy }).use(
      ({ ctx, path, meta, next, signal = new AbortController().signal }) =>
        runBounded({ ctx, path, meta, own }, async () => {
          const identity = await guard.identify(ctx.auth, policy);
          const result = await next({ ctx: { auth: identity as Caller } });
          if (!result.ok || identity === null) return result;
          const streamEnd = { watch: onTick, findEnd: () => guard.findEnd(identity, policy), signal };
          const data = endWithCaller(result.data, streamEnd);
          return data === result.data ? result : { ...result, data };
        }),
    );
  }

  /** A procedure that anyone may call, or that looks at its credentials by itself. */
  const open = (policy: Policy, { own }: { own: boolean }) =>
    formatted(own).meta(own ? { policy, own } : { policy })
      .use(({ ctx, path, meta, next }) => runBounded({ ctx, path, meta, own }, () => next()));

  return { t, open, guarded };
}

/** The initialised tRPC. */
export type Trpc = ReturnType<typeof createTrpc<Readonly<Record<string, unknown>>>>;
