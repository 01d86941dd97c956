import { timingSafeEqual } from "node:crypto";
import type { LogoutInput, LogoutScope, Ok } from "@watchword/shared";
import { AuthError, refuse } from "../../auth_error.ts";
import type { RequestFacts } from "../../request.ts";
import { insertAuditEvent } from "../../store/audit_events.ts";
import type { Db } from "../../store/connect.ts";
import {
  denyUserBelow,
  endOtherSessions,
  endSession,
  findSessionState,
  type SessionState,
} from "../../store/sessions.ts";
import { lockUser, raiseTokenEpoch } from "../../store/users.ts";
import type { GenuineRefreshToken } from "../../tokens/refresh_token.ts";
import { auditFacts, readRefreshToken } from "../_private.ts";
import type { FlowDeps } from "../deps.ts";

/** The session that a caller proved to hold, by bearer, refresh token or both. */
interface Proof {
  sessionId: string;
  /** Set when the bearer was genuine and within its time. */
  bearerIsValid: boolean;
  refreshToken: GenuineRefreshToken | null;
}

/**
 * Ends sessions: this one, the user's others, or all. Idempotent: a genuine token that has expired or was
 * revoked still ends its own session; the wider scopes need a live one.
 */
export async function logout(deps: FlowDeps, input: LogoutInput & { request: RequestFacts }): Promise<Ok> {
  const { scope = "this", request } = input;
  const proof = await readProof(deps, input);
  const held = scope === "this"
    ? await endThis(deps, proof.sessionId, request)
    : (await requireLiveSession(deps, proof)).session;
  if (scope === "others" && held) await endOthers(deps, held, request);
  if (scope === "all" && held) await endAll(deps, held, request);
  if (held) {
    deps.hooks.after("afterLogout", { userId: held.userId, sessionId: held.id, scope, request });
  }
  if (scope !== "others") request.refreshCookie?.clear();
  return { ok: true };
}

async function readProof(deps: FlowDeps, input: LogoutInput & { request: RequestFacts }): Promise<Proof> {
  const { request } = input;
  const text = readRefreshToken(input) || undefined;
  const bearer = await deps.guard.readBearer(request);
  if (bearer.status === "invalid") {
    deps.limits.takeLocal("refusedBearers", request.network);
    throw refuse("TOKEN_INVALID");
  }
  const refreshToken = text === undefined ? null : await deps.refreshTokens.parse(text);
  if (text !== undefined && refreshToken === null) {
    deps.limits.takeLocal("refusedRefreshes", request.network);
    throw refuse("REFRESH_INVALID");
  }
  const bearerSessionId = bearer.status === "missing" ? null : bearer.claims.registered.sid;
  const sessionId = bearerSessionId ?? refreshToken?.sessionId;
  if (sessionId === undefined) throw refuse("TOKEN_MISSING");
  if (bearer.status !== "missing" && refreshToken !== null && refreshToken.sessionId !== sessionId) {
    const userId = bearer.claims.registered.sub;
    await deps.audit.refused("logout", { reason: "FORBIDDEN", userId, sessionId, request });
    throw refuse("FORBIDDEN");
  }
  return { sessionId, bearerIsValid: bearer.status === "valid", refreshToken };
}

async function requireLiveSession(
  deps: FlowDeps,
  { sessionId, bearerIsValid, refreshToken }: Proof,
): Promise<SessionState> {
  const state = await deps.store.query((db) => findSessionState(db, sessionId));
  if (state === null || state.ended) throw refuse("SESSION_REVOKED");
  if (!state.live) throw refuse("REFRESH_EXPIRED");
  if (bearerIsValid) return state;
  if (refreshToken === null) throw refuse("TOKEN_EXPIRED");
  // The previous one may still be in a client's hands; an older one proves only that somebody once had it.
  const { currentHash, previousHash } = state.session;
  const isHeld = [currentHash, previousHash].some((hash) => hash && timingSafeEqual(refreshToken.hash, hash));
  if (!isHeld) throw refuse("REFRESH_INVALID");
  return state;
}

/** @returns the session, or null when it had ended before */
async function endThis(deps: FlowDeps, sessionId: string, request: RequestFacts): Promise<Held | null> {
  const { denied, held } = await deps.store.transaction(async (tx) => {
    const state = await findSessionState(tx, sessionId);
    const denied = state === null ? [] : await endSession(tx, sessionId, "logout");
    if (state === null || denied.length === 0) return { denied, held: null };
    await insertAuditEvent(tx, audited("this", state.session, request));
    return { denied, held: state.session };
  });
  deps.denylist.announce(denied);
  return held;
}

async function endOthers(deps: FlowDeps, session: Held, request: RequestFacts): Promise<void> {
  const denied = await deps.store.transaction(async (tx) => {
    await requireStillLive(tx, session);
    const ended = await endOtherSessions(tx, session.userId, session.id, "logout others");
    await insertAuditEvent(tx, audited("others", session, request));
    return ended;
  });
  deps.denylist.announce(denied);
}

async function endAll(deps: FlowDeps, session: Held, request: RequestFacts): Promise<void> {
  const { accessSeconds } = deps.settings.lifetimes;
  const denied = await deps.store.transaction(async (tx) => {
    await requireStillLive(tx, session);
    const minEpoch = await raiseTokenEpoch(tx, session.userId);
    if (minEpoch === null) throw new AuthError("SESSION_REVOKED");
    await insertAuditEvent(tx, audited("all", session, request));
    return await denyUserBelow(tx, { userId: session.userId, minEpoch, accessSeconds });
  });
  deps.denylist.announce(denied);
}

/** Locks the user. A session that somebody ended meanwhile speaks for them no longer. */
async function requireStillLive(tx: Db, { id, userId }: Held): Promise<void> {
  await lockUser(tx, userId);
  const state = await findSessionState(tx, id);
  if (state === null || state.ended) throw new AuthError("SESSION_REVOKED");
}

type Held = { id: string; userId: string };

function audited(scope: LogoutScope, { id, userId }: Held, request: RequestFacts) {
  return { event: `logout ${scope}`, ok: true, userId, sessionId: id, ...auditFacts(request) };
}
