import type { AuthErrorData, Reason } from "@watchword/shared/reasons";

/** Tells whether the access token was what was refused, so that another one may do. */
export function isTokenReason(reason: unknown): boolean {
  return /^TOKEN_/.test(String(reason));
}

/** Reads `data.auth` of a tRPC error, wherever it stands; null when there is none. Nothing else of it is believed. */
export function readAuthErrorData(error: unknown): AuthErrorData | null {
  const auth: unknown = Object(Object(error).data).auth;
  const { reason, executed } = Object(auth);
  return typeof reason === "string" && typeof executed === "boolean" ? auth as AuthErrorData : null;
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
