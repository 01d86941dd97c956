/**
 * The typed client of Watchword. It stores the tokens and renews them, and sends a mutation again only when
 * the server said that it did not run.
 *
 * @module
 */
export {
  type AuthClientError,
  type AuthClientErrorCode,
  findAuthClientError,
  isAuthClientError,
} from "./auth_client_error.ts";
export { authReason } from "./auth_reason.ts";
export {
  type AuthClient,
  type AuthClientOptions,
  createAuthClient,
  type LinkSettings,
  type SubscriptionLink,
} from "./create_auth_client.ts";
export type { CallOptions, LoginResult, RegisterResult, Rejected, StepUpResult } from "./auth_calls.ts";
export { type Auth, createSession, type SessionOptions } from "./create_session.ts";
export type { ClientClock } from "./session.ts";
export type { AuthEvent, Freshness, RefreshCause, SessionState, SignOutReason } from "./session_state.ts";
export type { SessionStorage } from "./shared_session.ts";
export { type AuthMode, withAuth } from "./with_auth.ts";
export type { User } from "@watchword/shared/contract";
export type { AuthErrorData, Reason } from "@watchword/shared/reasons";
