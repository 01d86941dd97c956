import { TRPCError } from "@trpc/server";
import { TRPC_ERROR_CODES_BY_KEY } from "@trpc/server/rpc";
import { type AuthErrorData, codeOfStatus, type Reason, reasons } from "@watchword/shared/reasons";

/** A refusal with a reason of the closed list; throw it from a procedure to answer as the real server would. */
export class FakeRefusal extends TRPCError {
  readonly auth: AuthErrorData;

  /** `executed` is true where the procedure's own code had begun. @default false */
  constructor(reason: Reason, { executed = false, ...more }: Partial<Omit<AuthErrorData, "reason">> = {}) {
    const { status, message } = reasons[reason];
    super({ code: codeOfStatus[status], message });
    this.auth = { reason, executed, ...more };
  }
}

/** A refusal in tRPC's envelope. */
export function describeRefusal({ auth }: FakeRefusal, requestId: string, path?: string) {
  const { status, message } = reasons[auth.reason];
  const code = codeOfStatus[status];
  return {
    message,
    code: TRPC_ERROR_CODES_BY_KEY[code],
    data: { code, httpStatus: status, requestId, auth, ...(path === undefined ? {} : { path }) },
  };
}

/** A refusal of the whole request, as the edge of the real server answers it: never as a batch. */
export function answerRefusal(refusal: FakeRefusal, requestId: string): Response {
  const { retryAfterSeconds, reason } = refusal.auth;
  return Response.json({ error: describeRefusal(refusal, requestId) }, {
    status: reasons[reason].status,
    headers: retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) },
  });
}
