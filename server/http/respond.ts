import { type AnyTRPCRouter, transformTRPCResponse } from "@trpc/server";
import { codeOfStatus, reasons } from "@watchword/shared";
import { TRPC_ERROR_CODES_BY_KEY } from "@trpc/server/rpc";
import type { AuthError } from "../auth_error.ts";
import { toErrorData } from "../trpc.ts";

/** Facts of a request that its answer's headers depend on. */
export interface AnswerFacts {
  requestId: string;
  /** A token was sent, so a 401 says that it was the token (RFC 6750 §3.1). */
  hadToken: boolean;
  isSecure: boolean;
}

/** A refusal of the edge, in tRPC's own envelope, so that every client reads it the same way. */
export function refusalResponse(
  error: AuthError,
  { requestId }: AnswerFacts,
  { _def }: AnyTRPCRouter,
): Response {
  const { status, message } = reasons[error.reason];
  const code = codeOfStatus[status];
  const body = {
    error: {
      message,
      code: TRPC_ERROR_CODES_BY_KEY[code],
      data: { code, httpStatus: status, requestId, auth: toErrorData(error) },
    },
  };
  const headers = new Headers({ "content-type": "application/json" });
  if (error.retryAfterSeconds !== undefined) headers.set("retry-after", String(error.retryAfterSeconds));
  // Through the router's transformer, without which its clients could not read the reason.
  return new Response(JSON.stringify(transformTRPCResponse(_def._config, body)), { status, headers });
}

/** Sets what every answer carries. */
export function seal(response: Response, { requestId, hadToken, isSecure }: AnswerFacts): Response {
  const { headers } = response;
  headers.set("x-request-id", requestId);
  headers.set("x-content-type-options", "nosniff");
  headers.set("referrer-policy", "no-referrer");
  if (!headers.has("content-security-policy")) {
    headers.set("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  }
  if (isSecure) headers.set("strict-transport-security", "max-age=31536000; includeSubDomains");
  // The rest of the body may still be on its way, and is nobody's next request (RFC 9110 §15.5.9, §15.5.14).
  if (response.status === 408 || response.status === 413) headers.set("connection", "close");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  if (response.status === 401) {
    headers.set("www-authenticate", hadToken ? 'Bearer error="invalid_token"' : "Bearer");
  }
  return response;
}
