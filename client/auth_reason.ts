import { type AuthErrorData, isReason, type Reason } from "@watchword/shared/reasons";

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Reads `data.auth` of a tRPC error, wherever it stands; null when there is none. */
export function readAuthErrorData(error: unknown): AuthErrorData | null {
  const data = isObject(error) && isObject(error["data"]) ? error["data"] : null;
  const auth = data && isObject(data["auth"]) ? data["auth"] : null;
  if (!auth || !isReason(auth["reason"]) || typeof auth["executed"] !== "boolean") return null;
  const { reason, executed, retryAfterSeconds, maxAgeSeconds } = auth;
  return {
    reason: reason as Reason,
    executed: executed as boolean,
    ...(typeof retryAfterSeconds === "number" ? { retryAfterSeconds } : {}),
    ...(typeof maxAgeSeconds === "number" ? { maxAgeSeconds } : {}),
  };
}

/**
 * The server's reason in an error that a call threw, from the closed list; null for any other error.
 *
 * @example
 * ```ts ignore
 * try { await auth.trpc.todo.add.mutate(todo) }
 * catch (error) { if (authReason(error) === "STEP_UP_REQUIRED") askForPassword() }
 * ```
 */
export function authReason(error: unknown): Reason | null {
  return readAuthErrorData(error)?.reason ?? null;
}
