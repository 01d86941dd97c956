import { timingSafeEqual } from "node:crypto";
import type { RefreshInput, Tokens } from "@watchword/shared";
import { AuthError, refuse } from "../../auth_error.ts";
import type { RequestFacts } from "../../request.ts";
import { insertAuditEvent } from "../../store/audit_events.ts";
import type { Db } from "../../store/connect.ts";
import type { DatedDenylistRow } from "../../store/denylist.ts";
import { insertNotice } from "../../store/outbox.ts";
import {
  endSession,
  extendLastAccess,
  findSessionState,
  rotateSession,
  type SessionRow,
  type SessionState,
} from "../../store/sessions.ts";
import { sha256 } from "../../tokens/derive_key.ts";
import type { GenuineRefreshToken } from "../../tokens/refresh_token.ts";
import { auditFacts, issueTokens, readRefreshToken } from "../_private.ts";
import type { FlowDeps } from "../deps.ts";

type Refusal = "REFRESH_INVALID" | "SESSION_REVOKED" | "REFRESH_EXPIRED" | "REFRESH_REUSED";
type Decision = { repeat: SessionState } | { refuse: Refusal; denied?: DatedDenylistRow[] };

/**
 * Exchanges a refresh token for its one successor and a fresh access token.
 *
 * The hot path is one statement. What it does not rotate is decided under a lock on the session's row: a
 * repeated answer, an expiry, or reuse, which ends the session (RFC 9700 §4.14.2).
 */
export async function refresh(
  deps: FlowDeps,
  input: RefreshInput & { request: RequestFacts },
): Promise<Tokens> {
  const { request } = input;
  const parent = await deps.refreshTokens.parse(readRefreshToken(input));
  if (parent === null) throw refuseRefresh(deps, "REFRESH_INVALID", request);
  deps.limits.requireLocal("rotations", parent.sessionId);
  const attemptHash = input.attemptId === undefined ? null : await sha256(input.attemptId);

  const next = await deps.refreshTokens.mintNext(parent);
  const rotated = await deps.store.query((db) =>
    rotateSession(db, {
      sessionId: parent.sessionId,
      presentedHash: parent.hash,
      nextHash: next.hash,
      ratchetKey: next.ratchetKey,
      attemptHash,
    }, deps.settings.lifetimes)
  );
  if (rotated !== null) {
    // Rotations of one session follow each other, so counting them afterwards is exact.
    deps.limits.takeLocal("rotations", parent.sessionId);
    return await issueTokens(deps, rotated, { refreshToken: next.token, request });
  }

  deps.limits.takeLocal("replays", parent.sessionId);
  const decision = await deps.store.transaction((tx) => decide(deps, tx, { parent, attemptHash, request }));
  if ("refuse" in decision) {
    deps.denylist.announce(decision.denied ?? []);
    throw refuseRefresh(deps, decision.refuse, request);
  }
  const { session, user, dbNow } = decision.repeat;
  const successor = await deps.refreshTokens.mintNext(parent, session.ratchetKey);
  return await issueTokens(deps, { ...session, roles: user.roles, dbNow }, {
    refreshToken: successor.token,
    request,
  });
}

/** The rows 2 to 7 of the decision table, in its order. */
async function decide(
  deps: FlowDeps,
  tx: Db,
  { parent, attemptHash, request }: {
    parent: GenuineRefreshToken;
    attemptHash: Uint8Array | null;
    request: RequestFacts;
  },
): Promise<Decision> {
  const state = await findSessionState(tx, parent.sessionId, { lock: true });
  if (state === null) return { refuse: "REFRESH_INVALID" };
  if (state.ended) return { refuse: "SESSION_REVOKED" };
  if (!state.live) return { refuse: "REFRESH_EXPIRED" };
  const { session } = state;
  // A token of the future is genuine, so the database has lost commits. That is nobody's theft.
  const isAhead = parent.generation > session.generation ||
    (parent.generation === session.generation && !isSame(parent.hash, session.currentHash));
  if (isAhead) return { refuse: "REFRESH_EXPIRED" };
  if (isRepeat(deps, { parent, attemptHash, state })) {
    await extendLastAccess(tx, session.id, deps.settings.lifetimes);
    return { repeat: state };
  }
  const denied = await endSession(tx, session.id, "reuse");
  const concerned = { userId: session.userId, sessionId: session.id };
  await insertAuditEvent(tx, {
    event: "refresh",
    ok: false,
    reason: "REFRESH_REUSED",
    ...concerned,
    ...auditFacts(request),
  });
  await insertNotice(tx, { kind: "refresh_token_reused", ...concerned });
  return { refuse: "REFRESH_REUSED", denied };
}

/** Whether this is the previous token, presented again by its own attempt or within the leeway. */
function isRepeat(
  { settings }: FlowDeps,
  { parent, attemptHash, state: { session, dbNow } }: {
    parent: GenuineRefreshToken;
    attemptHash: Uint8Array | null;
    state: SessionState;
  },
): boolean {
  const { previousHash, rotatedAt } = session;
  if (previousHash === null || rotatedAt === null || !isSame(parent.hash, previousHash)) return false;
  const ageSeconds = dbNow - rotatedAt.getTime() / 1_000;
  const windowSeconds = isSameAttempt(session, attemptHash)
    ? Math.max(settings.refreshReplayWindowSeconds, settings.refreshLeewaySeconds)
    : settings.refreshLeewaySeconds;
  return ageSeconds < windowSeconds;
}

// No attempt id never equals another one.
function isSameAttempt(session: SessionRow, attemptHash: Uint8Array | null): boolean {
  return session.attemptHash !== null && attemptHash !== null && isSame(session.attemptHash, attemptHash);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Counts what is refused, so that a flood of it gets 429; a good token never comes here. */
function refuseRefresh({ limits }: FlowDeps, reason: Refusal, request: RequestFacts): AuthError {
  limits.takeLocal("refusedRefreshes", request.network);
  return reason === "REFRESH_INVALID" ? refuse(reason) : new AuthError(reason);
}
