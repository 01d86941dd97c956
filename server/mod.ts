/**
 * Typed authentication for tRPC: an auth router to nest in your own, and procedures that know their caller.
 *
 * @module
 */
export { AuthError } from "./auth_error.ts";
export { type Clock, systemClock } from "./clock.ts";
export { type Auth, type AuthOptions, createAuth, MigrationsPending } from "./create_auth.ts";
export type { CallerPolicy, Policy, Revocation } from "./guard.ts";
export type { AfterHook, BeforeHook, HookRequest, Hooks } from "./hooks.ts";
export type { AppContext, AppContextOptions } from "./http/app_context.ts";
export type { Handler } from "./http/handler.ts";
export type { ConnectionInfo } from "./http/remote_address.ts";
export type { CreateContextOptions } from "./http/request_facts.ts";
export { mountAuth } from "./mount_auth.ts";
export type { CreateWsContextOptions } from "./http/ws_context.ts";
export { createLog, type Log, type LogFields, type LogLevel } from "./observe/log.ts";
export type { AuthRequest, Identity, RequestFacts } from "./request.ts";
export type { AppRouter } from "./service_router.ts";
export type { AppSchema, AppTransaction } from "./store/app_transaction.ts";
export { migrate } from "./store/migrate.ts";
export { WrongKeyEncryptionSecret } from "./tokens/signing_key.ts";
export type { OwnClaims } from "./tokens/own_claims.ts";
export {
  createVerifier,
  refusalResponse,
  type Verification,
  type Verifier,
  type VerifierOptions,
  type VerifierRefusal,
} from "./verifier/mod.ts";
export type { Context, ErrorData, Meta } from "./trpc.ts";
export type { AuthRouter } from "@watchword/shared/contract";
