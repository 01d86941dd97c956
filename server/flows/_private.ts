import {
  type Session,
  SESSIONS_PER_USER_MAX,
  type SignedIn,
  type Tokens,
  type User,
} from "@watchword/shared";
import type { TRPCError } from "@trpc/server";
import { AuthError, refuse } from "../auth_error.ts";
import type { RequestFacts } from "../request.ts";
import { insertAuditEvent } from "../store/audit_events.ts";
import type { Db } from "../store/connect.ts";
import { endOldestSessions, endSession, insertSession, type SessionRow } from "../store/sessions.ts";
import type { UserRow } from "../store/users.ts";
import type { RefreshToken } from "../tokens/refresh_token.ts";
import { toAuthError } from "../trpc.ts";
import type { FlowDeps } from "./deps.ts";

const TTL_JITTER = 0.05;

/** A user as the wire shows it. */
export function toUser(row: UserRow): User {
  return {
    id: row.id,
    email: row.email,
    username: row.username,
    emailVerified: row.emailVerifiedAt !== null,
    roles: row.roles,
    createdAt: row.createdAt.toISOString(),
  };
}

/** A session as the wire shows it: no hash, no epoch. */
export function toSession(row: SessionRow, currentId: string): Session {
  const expiresAt = Math.min(row.idleExpiresAt.getTime(), row.absoluteExpiresAt.getTime());
  return {
    id: row.id,
    current: row.id === currentId,
    createdAt: row.createdAt.toISOString(),
    lastUsedAt: (row.rotatedAt ?? row.createdAt).toISOString(),
    authenticatedAt: row.authenticatedAt.toISOString(),
    expiresAt: new Date(expiresAt).toISOString(),
    userAgent: row.userAgent,
    ip: row.ip,
    amr: row.amr,
  };
}

/** A session row with what else a token says, dated by the database's clock. */
type Issued = SessionRow & { roles: string[]; dbNow: number };

/**
 * Signs an access token for a session and hands the refresh token over: in the body, or in cookie mode in the
 * cookie alone. Called after the commit.
 */
export async function issueTokens(
  deps: FlowDeps,
  session: Issued,
  { refreshToken, request }: { refreshToken: RefreshToken; request: RequestFacts },
): Promise<Tokens> {
  const iat = Math.floor(session.dbNow);
  // Up to 5 % shorter, so that a crowd that signed in together does not refresh together.
  const ttlSeconds = Math.round(deps.settings.lifetimes.accessSeconds * (1 - Math.random() * TTL_JITTER));
  const exp = Math.min(iat + ttlSeconds, Math.floor(session.absoluteExpiresAt.getTime() / 1_000));
  const accessToken = await deps.accessTokens.sign({
    sub: session.userId,
    sid: session.id,
    ep: session.epoch,
    iat,
    exp,
    auth_time: Math.floor(session.authenticatedAt.getTime() / 1_000),
    amr: session.amr,
    roles: session.roles,
  });
  const refreshExpiresInSeconds = Math.max(
    0,
    Math.floor(session.idleExpiresAt.getTime() / 1_000 - session.dbNow),
  );
  request.refreshCookie?.set(refreshToken, refreshExpiresInSeconds);
  return {
    tokenType: "Bearer",
    accessToken,
    expiresInSeconds: Math.max(0, exp - iat),
    ...(request.refreshCookie ? {} : { refreshToken }),
    refreshExpiresInSeconds,
    sessionId: session.id,
    generation: session.generation,
    serverTime: new Date(session.dbNow * 1_000).toISOString(),
  };
}

interface NewSignIn {
  event: "register" | "login" | "step up";
  amr: string[];
  request: RequestFacts;
  /** Finds or makes the user inside the transaction, locked against change; null refuses the sign-in. */
  obtainUser: (tx: Db) => Promise<UserRow | null>;
  /** The session that the new one takes the place of; it ends in the same transaction. */
  replacedSessionId?: string;
}

/**
 * Opens a session. The user row stays locked until the commit, so a sign-in that verified an old password
 * cannot outlive a change of it.
 *
 * @returns null when `obtainUser` found none
 */
export async function openSession(deps: FlowDeps, signIn: NewSignIn): Promise<SignedIn | null> {
  const { event, amr, request, obtainUser, replacedSessionId } = signIn;
  const sessionId = crypto.randomUUID();
  const first = await deps.refreshTokens.mintFirst(sessionId);
  const hasAppCode = (event === "register" && deps.hooks.has("beforeRegister")) ||
    (event === "login" && deps.hooks.has("beforeLogin"));
  let refusal: { cause: unknown; userId: string | null } | undefined;
  const opened = await deps.store.transaction(async (tx) => {
    const user = await obtainUser(tx);
    if (user === null) return null;
    const session = await insertSession(tx, {
      id: sessionId,
      userId: user.id,
      epoch: user.tokenEpoch,
      currentHash: first.hash,
      ratchetKey: first.ratchetKey,
      amr,
      clientId: deps.settings.clientId,
      ip: request.ip,
      userAgent: request.userAgent,
    }, deps.settings.lifetimes);
    const replaced = replacedSessionId === undefined ? [] : await endSession(tx, replacedSessionId, event);
    // Ended by somebody else first: nothing may take its place.
    if (replacedSessionId !== undefined && replaced.length === 0) throw new AuthError("SESSION_REVOKED");
    const evicted = await endOldestSessions(tx, user.id, SESSIONS_PER_USER_MAX);
    // Never the last statement: a hook that swallows a database error has aborted the transaction, which Postgres
    // would end without an error if asked to commit.
    try {
      if (event === "register") {
        await deps.hooks.before("beforeRegister", { user: toUser(user), request, tx });
      }
      if (event === "login") await deps.hooks.before("beforeLogin", { user: toUser(user), amr, request, tx });
    } catch (cause) {
      // Who was about to be registered is nobody.
      refusal = { cause, userId: event === "register" ? null : user.id };
      throw cause;
    }
    await insertAuditEvent(tx, { event, ok: true, userId: user.id, sessionId, ...auditFacts(request) });
    return { user, session, denied: [...replaced, ...evicted] };
  }, { hasAppCode }).catch(async (error) => {
    if (refusal !== undefined) await auditHookRefusal(deps, event, { ...refusal, request });
    throw error;
  });
  if (opened === null) return null;
  const { user, session, denied } = opened;
  deps.denylist.announce(denied);
  if (event === "register") deps.hooks.after("afterRegister", { user: toUser(user), request });
  if (event === "login") deps.hooks.after("afterLogin", { user: toUser(user), sessionId, amr, request });
  const tokens = await issueTokens(deps, { ...session, roles: user.roles }, {
    refreshToken: first.token,
    request,
  });
  return { status: "signed_in", user: toUser(user), tokens };
}

/** Written once all else has been rolled back. */
async function auditHookRefusal(
  { store }: FlowDeps,
  event: string,
  { cause, userId, request }: { cause: unknown; userId: string | null; request: RequestFacts },
): Promise<void> {
  const reason = toAuthError(cause)?.reason ?? (cause as TRPCError).code;
  await store.query((db) =>
    insertAuditEvent(db, { event, ok: false, reason, userId, ...auditFacts(request) })
  );
}

/** What the audit trail keeps of a request. */
export function auditFacts({ ip, requestId }: RequestFacts): { ip: string | null; requestId: string } {
  return { ip, requestId };
}

/**
 * The refresh token of a request: from the body, or in cookie mode from the cookie alone. Empty when there is none.
 *
 * @throws INPUT_INVALID when cookie mode sends one in the body
 */
export function readRefreshToken(
  { request, refreshToken }: { request: RequestFacts; refreshToken?: string | undefined },
): string {
  if (request.refreshCookie === undefined) return refreshToken ?? "";
  if (refreshToken !== undefined) throw refuse("INPUT_INVALID");
  return request.refreshCookie.value ?? "";
}
