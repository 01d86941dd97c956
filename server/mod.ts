/**
 * Typed authentication for tRPC: an auth router to nest in your own, and procedures that know their caller.
 *
 * @module
 */
export { type Clock, systemClock } from "./clock.ts";
export { type Auth, type AuthOptions, createAuth, MigrationsPending } from "./create_auth.ts";
export type { CallerPolicy, Policy, Revocation } from "./guard.ts";
export type { Handler } from "./http/handler.ts";
export type { ConnectionInfo, CreateContextOptions } from "./http/request_facts.ts";
export { createLog, type Log, type LogFields, type LogLevel } from "./observe/log.ts";
export type { AuthRequest, Identity, RequestFacts } from "./request.ts";
export type { AuthRouter } from "./router.ts";
export type { AppRouter } from "./service_router.ts";
export { migrate } from "./store/migrate.ts";
export { WrongKeyEncryptionSecret } from "./tokens/signing_key.ts";
export type { OwnClaims } from "./tokens/own_claims.ts";
export type { Context } from "./trpc.ts";
