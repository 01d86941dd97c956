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
  type LoginResult,
  type RegisterResult,
  type Rejected,
  type RejectionReason,
} from "./create_auth_client.ts";
export type { ClientClock, Freshness, SessionState, SignOutReason } from "./session.ts";
export { memoryStore } from "./stores/memory_store.ts";
export { webStore } from "./stores/web_store.ts";
export type { TokenStore } from "./token_store.ts";
export type { Reason, User } from "@watchword/shared";
