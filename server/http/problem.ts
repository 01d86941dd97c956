import { type Reason, reasons } from "@watchword/shared";
import type { TRPCError } from "@trpc/server";
import { getHTTPStatusCodeFromError } from "@trpc/server/http";
import { z } from "zod";
import type { AuthError } from "../auth_error.ts";
import { toErrorData } from "../trpc.ts";

/** A refusal over REST (RFC 9457). Clients ignore members that they do not know. */
export const Problem = z.looseObject({
  /** Where the reason is explained. */
  type: z.string(),
  title: z.string(),
  status: z.int(),
  /** Absent only where an app's own code threw. */
  reason: z.enum(Object.keys(reasons) as Reason[]).optional(),
  requestId: z.guid(),
  retryAfterSeconds: z.int().optional(),
  maxAgeSeconds: z.int().optional(),
  /** An app's own words. */
  detail: z.string().optional(),
});
export type Problem = z.infer<typeof Problem>;

/** What a problem says beside its reason. */
export interface ProblemFacts {
  requestId: string;
  /** The page that explains the reasons. */
  docsUrl: string;
  /** Headers that the answer has already, such as a cookie. */
  headers?: Headers;
}

/** Answers with a reason of the closed list. */
export function problemResponse(error: AuthError, { requestId, docsUrl, headers }: ProblemFacts): Response {
  const { status, message } = reasons[error.reason];
  const { executed: _, ...data } = toErrorData(error);
  const answer = respond(
    { type: `${docsUrl}#${error.reason}`, title: message, status, ...data, requestId },
    headers,
  );
  if (error.retryAfterSeconds !== undefined) {
    answer.headers.set("retry-after", String(error.retryAfterSeconds));
  }
  return answer;
}

/** Answers with an error that an app's own procedure threw, in the app's words. */
export function appProblemResponse(
  error: TRPCError,
  { requestId, docsUrl, headers }: ProblemFacts,
): Response {
  const status = getHTTPStatusCodeFromError(error);
  const { code: title, message: detail } = error;
  const isInput = error.cause instanceof z.ZodError && error.code === "BAD_REQUEST";
  return isInput
    ? respond(
      { type: `${docsUrl}#INPUT_INVALID`, title, status, reason: "INPUT_INVALID", requestId, detail },
      headers,
    )
    : respond({ type: "about:blank", title, status, requestId, detail }, headers);
}

function respond(problem: Problem, headers = new Headers()): Response {
  headers.set("content-type", "application/problem+json");
  return new Response(JSON.stringify(problem), { status: problem.status, headers });
}
