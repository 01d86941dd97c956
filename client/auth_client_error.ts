/** Why a call could not be made or finished, where it was not the server's answer. */
export type AuthClientErrorCode =
  /** There is no session any more. */
  | "signed_out"
  /** Another user signed in, or this one out, before the call was finished. It is not sent again. */
  | "session_changed"
  /** The auth server could not be reached or could not tell. The session is kept. */
  | "unreachable"
  /** The auth server asked to wait. The session is kept. */
  | "throttled"
  /** The client was disposed. */
  | "disposed";

/** An error of the client itself. Thrown by auth calls, and the `cause` of the `TRPCClientError` of others. */
export interface AuthClientError extends Error {
  readonly name: "AuthClientError";
  readonly code: AuthClientErrorCode;
  /** Trying again later can succeed. */
  readonly retryable: boolean;
  readonly retryAfterSeconds?: number;
}

const name = "AuthClientError";

/** Makes an {@link AuthClientError}. Its text is its code, so it never holds a token. */
export function authClientError(
  code: AuthClientErrorCode,
  { cause, retryAfterSeconds }: { cause?: unknown; retryAfterSeconds?: number | undefined } = {},
): AuthClientError {
  return Object.assign(new Error(`Watchword: ${code}`, { cause }), {
    name,
    code,
    retryable: code === "unreachable" || code === "throttled",
    ...(retryAfterSeconds && { retryAfterSeconds }),
  }) as AuthClientError;
}

/** Tells whether an error, or what a `TRPCClientError` wraps, is one of the client's own. Structural: copies of this package agree. */
export function isAuthClientError(error: unknown): error is AuthClientError {
  return error instanceof Error && error.name === name && "code" in error;
}

/** Finds the client's own error in an error or its causes. */
export function findAuthClientError(error: unknown): AuthClientError | null {
  if (!(error instanceof Error)) return null;
  return isAuthClientError(error) ? error : findAuthClientError(error.cause);
}
