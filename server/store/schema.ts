import { sql } from "drizzle-orm";
import {
  bigint,
  bigserial,
  boolean,
  customType,
  index,
  inet,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";

const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => "bytea" });
const xid8 = customType<{ data: string }>({ dataType: () => "xid8" });
const instant = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });
const createdAt = () => instant("created_at").notNull().default(sql`now()`);

/** People. `token_epoch` only rises: raising it ends every session at once. */
export const users = pgTable("users", {
  id: uuid("id").primaryKey(),
  email: text("email").unique(),
  username: text("username").unique(),
  passwordHash: text("password_hash"),
  emailVerifiedAt: instant("email_verified_at"),
  tokenEpoch: integer("token_epoch").notNull().default(0),
  roles: text("roles").array().notNull().default(sql`'{}'`),
  disabledAt: instant("disabled_at"),
  createdAt: createdAt(),
});

/**
 * One row a sign-in. It holds hashes of the current and the previous refresh token, so there is no table of
 * refresh tokens, nothing to prune, and reuse is seen for as long as the session lives.
 */
export const sessions = pgTable("sessions", {
  id: uuid("id").primaryKey(),
  userId: uuid("user_id").notNull().references(() => users.id, { onDelete: "cascade" }),
  epoch: integer("epoch").notNull(),
  generation: integer("generation").notNull().default(0),
  currentHash: bytea("current_hash").notNull(),
  previousHash: bytea("previous_hash"),
  attemptHash: bytea("attempt_hash"),
  ratchetKey: smallint("ratchet_key").notNull(),
  rotatedAt: instant("rotated_at"),
  lastAccessExpiresAt: instant("last_access_expires_at").notNull(),
  authenticatedAt: instant("authenticated_at").notNull(),
  amr: text("amr").array().notNull(),
  idleExpiresAt: instant("idle_expires_at").notNull(),
  absoluteExpiresAt: instant("absolute_expires_at").notNull(),
  revokedAt: instant("revoked_at"),
  revokeReason: text("revoke_reason"),
  clientId: text("client_id").notNull(),
  ip: inet("ip"),
  userAgent: text("user_agent"),
  createdAt: createdAt(),
}, (table) => [
  // Nothing that a refresh updates is indexed, so those updates stay HOT (with fillfactor 70, see migrations/).
  index("sessions_live_by_user").on(table.userId).where(sql`revoked_at is null`),
  index("sessions_absolute_expiry").on(table.absoluteExpiresAt),
  index("sessions_revoked").on(table.revokedAt).where(sql`revoked_at is not null`),
]);

/**
 * Revocations that an unexpired access token could still contradict. No foreign keys: deleting a user
 * must leave the row.
 */
export const denylist = pgTable("denylist", {
  seq: bigserial("seq", { mode: "bigint" }).primaryKey(),
  xid: xid8("xid").notNull().default(sql`pg_current_xact_id()`),
  sessionId: uuid("session_id"),
  userId: uuid("user_id"),
  minEpoch: integer("min_epoch"),
  expiresAt: instant("expires_at").notNull(),
}, (table) => [
  index("denylist_xid").on(table.xid),
  index("denylist_expiry").on(table.expiresAt),
  index("denylist_session").on(table.sessionId),
  index("denylist_user").on(table.userId),
]);

/** Links that were mailed out, by hash. */
export const oneTimeTokens = pgTable(
  "one_time_tokens",
  {
    hash: bytea("hash").primaryKey(),
    purpose: text("purpose").notNull(),
    userId: uuid("user_id").notNull().references(() => users.id, { onDelete: "cascade" }),
    email: text("email"),
    expiresAt: instant("expires_at").notNull(),
    consumedAt: instant("consumed_at"),
  },
  (
    table,
  ) => [index("one_time_tokens_user").on(table.userId), index("one_time_tokens_expiry").on(table.expiresAt)],
);

/** Sign-ins that still need a second factor. */
export const mfaTickets = pgTable("mfa_tickets", {
  hash: bytea("hash").primaryKey(),
  userId: uuid("user_id").notNull().references(() => users.id, { onDelete: "cascade" }),
  purpose: text("purpose").notNull(),
  tries: smallint("tries").notNull().default(0),
  expiresAt: instant("expires_at").notNull(),
}, (table) => [index("mfa_tickets_user").on(table.userId), index("mfa_tickets_expiry").on(table.expiresAt)]);

export const totpCredentials = pgTable("totp_credentials", {
  userId: uuid("user_id").primaryKey().references(() => users.id, { onDelete: "cascade" }),
  seedEncrypted: bytea("seed_encrypted").notNull(),
  lastStep: bigint("last_step", { mode: "number" }).notNull().default(0),
  confirmedAt: instant("confirmed_at"),
});

export const recoveryCodes = pgTable("recovery_codes", {
  userId: uuid("user_id").notNull().references(() => users.id, { onDelete: "cascade" }),
  hash: bytea("hash").notNull(),
  usedAt: instant("used_at"),
}, (table) => [primaryKey({ columns: [table.userId, table.hash] })]);

export const passkeys = pgTable("passkeys", {
  credentialId: bytea("credential_id").primaryKey(),
  userId: uuid("user_id").notNull().references(() => users.id, { onDelete: "cascade" }),
  publicKey: bytea("public_key").notNull(),
  signCount: bigint("sign_count", { mode: "number" }).notNull(),
  transports: text("transports").array().notNull(),
  name: text("name").notNull(),
  createdAt: createdAt(),
}, (table) => [index("passkeys_user").on(table.userId)]);

export const webauthnChallenges = pgTable("webauthn_challenges", {
  hash: bytea("hash").primaryKey(),
  ceremony: text("ceremony").notNull(),
  userId: uuid("user_id").references(() => users.id, { onDelete: "cascade" }),
  expiresAt: instant("expires_at").notNull(),
}, (table) => [index("webauthn_challenges_expiry").on(table.expiresAt)]);

/** Fixed-window counters. The key is a keyed hash, so the table names nobody. */
export const throttle = pgTable("throttle", {
  key: bytea("key").primaryKey(),
  count: integer("count").notNull(),
  windowStartedAt: instant("window_started_at").notNull(),
  blockedUntil: instant("blocked_until").notNull(),
}, (table) => [index("throttle_blocked_until").on(table.blockedUntil)]);

/** Signing keys of access tokens; the private half is encrypted under `KEY_ENCRYPTION_SECRET`. */
export const signingKeys = pgTable("signing_keys", {
  kid: text("kid").primaryKey(),
  alg: text("alg").notNull(),
  publicJwk: jsonb("public_jwk").$type<{ kty: "OKP"; crv: "Ed25519"; x: string }>().notNull(),
  privateEncrypted: bytea("private_encrypted").notNull(),
  state: text("state", { enum: ["pending", "active", "retired"] }).notNull(),
  createdAt: createdAt(),
  /** When a pending key starts to sign: late enough that every cached JWKS has it by then. */
  activateAt: instant("activate_at"),
  activatedAt: instant("activated_at"),
  retiredAt: instant("retired_at"),
}, (table) => [
  uniqueIndex("signing_keys_one_active").on(table.state).where(sql`state = 'active'`),
  uniqueIndex("signing_keys_one_pending").on(table.state).where(sql`state = 'pending'`),
]);

/** Mails to be sent, written in the transaction of what they tell about. */
export const outbox = pgTable("outbox", {
  id: uuid("id").primaryKey().default(sql`gen_random_uuid()`),
  userId: uuid("user_id"),
  kind: text("kind").notNull(),
  payload: jsonb("payload").notNull(),
  attempts: integer("attempts").notNull().default(0),
  availableAt: instant("available_at").notNull().default(sql`now()`),
  sentAt: instant("sent_at"),
  createdAt: createdAt(),
}, (table) => [
  index("outbox_unsent").on(table.availableAt).where(sql`sent_at is null`),
  index("outbox_created").on(table.createdAt),
]);

/** What happened to whom. No foreign keys: it outlives the account. */
export const auditEvents = pgTable("audit_events", {
  id: bigserial("id", { mode: "bigint" }).primaryKey(),
  at: instant("at").notNull().default(sql`now()`),
  event: text("event").notNull(),
  ok: boolean("ok").notNull(),
  reason: text("reason"),
  userId: uuid("user_id"),
  sessionId: uuid("session_id"),
  ip: inet("ip"),
  requestId: text("request_id"),
}, (table) => [index("audit_events_user").on(table.userId, table.at), index("audit_events_at").on(table.at)]);
