import { initTRPC, TRPCError } from "@trpc/server";
import type { Reason } from "@watchword/shared/reasons";
import type { FakeGuard, FakeIdentity, FakePolicy } from "./fake_guard.ts";
import { describeRefusal, FakeRefusal } from "./fake_refusal.ts";

/** What every procedure gets. */
export interface FakeContext {
  auth: { request: FakeRequest };
}

/** What is known of a request. */
export interface FakeRequest {
  requestId: string;
  authorization: string | null;
  userAgent: string | null;
}

/** One of the auth router's own; `alone` ones never stand beside another call in a batch. */
export interface FakeMeta {
  own?: true;
  alone?: true;
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

/** tRPC with the error shape and the guards of the real server. */
export type FakeTrpc = ReturnType<typeof createFakeTrpc>;

/** Initialises tRPC. */
export function createFakeTrpc(guard: FakeGuard) {
  // Thrown by an app's procedures on purpose; what else reaches the formatter, tRPC refused by itself.
  const appErrors = new WeakSet<TRPCError>();

  function toRefusal(error: TRPCError): FakeRefusal {
    if (error instanceof FakeRefusal) return error;
    const reason = error.code === "INTERNAL_SERVER_ERROR" ? undefined : reasonOfCode[error.code];
    return new FakeRefusal(reason ?? "INTERNAL", { executed: reason === undefined });
  }

  const t = initTRPC.context<FakeContext>().meta<FakeMeta>().create({
    isDev: false,
    errorFormatter({ error, shape, ctx, path }) {
      const requestId = ctx?.auth.request.requestId ?? "";
      if (!appErrors.has(error)) return { ...shape, ...describeRefusal(toRefusal(error), requestId, path) };
      const auth = isInputError(error) ? { auth: { reason: "INPUT_INVALID", executed: false } } : {};
      return { ...shape, data: { ...shape.data, requestId, ...auth } };
    },
  });

  /** A procedure whose errors leave in the server's shape. An app's own tRPC errors stay as the app made them. */
  const bounded = (meta: FakeMeta) =>
    t.procedure.meta(meta).use(async ({ next }) => {
      const result = await next();
      if (result.ok || result.error instanceof FakeRefusal) return result;
      const { error } = result;
      // tRPC wraps what a procedure threw, and with it a refusal that came through another layer.
      if (error.cause instanceof FakeRefusal) return { ...result, error: error.cause };
      if (!meta.own && error.code !== "INTERNAL_SERVER_ERROR") appErrors.add(error);
      return result;
    });

  function guarded<P extends FakePolicy>(policy: P, meta: FakeMeta = {}) {
    type Caller = FakeIdentity | (P["auth"] extends "optional" ? null : never);
    return bounded(meta).use(({ ctx, next }) =>
      next({ ctx: { auth: guard.identify(ctx.auth.request.authorization, policy) as Caller } })
    );
  }

  return { t, bounded, guarded };
}

// A schema of the app's refused the input: its message names the app's fields, which the app's forms want.
function isInputError({ code, cause }: TRPCError): boolean {
  return code === "BAD_REQUEST" && cause !== undefined && "issues" in cause;
}
