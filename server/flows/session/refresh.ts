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
interface Refused {
  refuse: Refusal;
  /** Whom it concerns, for the audit trail. */
  session?: { userId: string; sessionId: string };
  denied?: DatedDenylistRow[];
}
type Decision = { repeat: SessionState } | { isCurrent: true } | Refused;

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
  if (parent === null) {
    deps.limits.takeLocal("refusedRefreshes", request.network);
    throw refuse("REFRESH_INVALID");
  }
  deps.limits.requireLocal("rotations", parent.sessionId);
  const attemptHash = input.attemptId === undefined ? null : await sha256(input.attemptId);

  const rotated = await rotate(deps, { parent, attemptHash, request });
  if (rotated !== null) return rotated;
  deps.limits.takeLocal("replays", parent.sessionId);
  const decision = await deps.store.transaction((tx) => decide(deps, tx, { parent, attemptHash, request }));
  if ("refuse" in decision) {
    deps.denylist.announce(decision.denied ?? []);
    if (decision.refuse === "REFRESH_REUSED" && decision.session) {
      deps.hooks.after("onReuse", { ...decision.session, request });
    }
    throw await refuseGenuine(deps, decision, request);
  }
  if ("isCurrent" in decision) {
    const late = await rotate(deps, { parent, attemptHash, request });
    if (late !== null) return late;
    throw new AuthError("UNAVAILABLE", { retryAfterSeconds: 1 });
  }
  const { session, user, dbNow } = decision.repeat;
  const successor = await deps.refreshTokens.mintNext(parent, session.ratchetKey);
  return await issueTokens(deps, { ...session, roles: user.roles, dbNow }, {
    refreshToken: successor.token,
    request,
  });
}

interface Presented {
  parent: GenuineRefreshToken;
  attemptHash: Uint8Array | null;
  request: RequestFacts;
}

/** Row 0, which most refreshes are: the token is current, and Postgres lets one caller rotate it. */
async function rotate(deps: FlowDeps, { parent, attemptHash, request }: Presented): Promise<Tokens | null> {
  const next = await deps.refreshTokens.mintNext(parent);
  const rotated = await deps.store.query((db) =>
    rotateSession(db, {
      sessionId: parent.sessionId,
      clientId: deps.settings.clientId,
      presentedHash: parent.hash,
      nextHash: next.hash,
      ratchetKey: next.ratchetKey,
      attemptHash,
    }, deps.settings.lifetimes)
  );
  if (rotated === null) return null;
  // Rotations of one session follow each other, so counting them afterwards is exact.
  deps.limits.countLocal("rotations", parent.sessionId);
  return await issueTokens(deps, rotated, { refreshToken: next.token, request });
}

/** The rows 2 to 7 of the decision table, in its order. */
async function decide(
  deps: FlowDeps,
  tx: Db,
  { parent, attemptHash, request }: Presented,
): Promise<Decision> {
  const state = await findSessionState(tx, parent.sessionId, { lock: true });
  // Another client's token is none of ours (RFC 6749 §10.4), and nothing is ended by it.
  if (state?.session.clientId !== deps.settings.clientId) return { refuse: "REFRESH_INVALID" };
  const { session } = state;
  const concerned = { userId: session.userId, sessionId: session.id };
  if (state.ended) return { refuse: "SESSION_REVOKED", session: concerned };
  if (!state.live) return { refuse: "REFRESH_EXPIRED", session: concerned };
  // A token of the future is genuine, so the database has lost commits. That is nobody's theft.
  const isAhead = parent.generation > session.generation ||
    (parent.generation === session.generation && !isSame(parent.hash, session.currentHash));
  if (isAhead) return { refuse: "REFRESH_EXPIRED", session: concerned };
  // It became current after the first look, as in a database that is catching up. That is nobody's theft either.
  if (isSame(parent.hash, session.currentHash)) return { isCurrent: true };
  if (isRepeat(deps, { parent, attemptHash, state })) {
    await extendLastAccess(tx, session.id, deps.settings.lifetimes);
    return { repeat: state };
  }
  const denied = await endSession(tx, session.id, "reuse");
  await insertAuditEvent(tx, {
    event: "refresh",
    ok: false,
    reason: "REFRESH_REUSED",
    ...concerned,
    ...auditFacts(request),
  });
  await insertNotice(tx, { kind: "refresh_token_reused", ...concerned });
  return { refuse: "REFRESH_REUSED", session: concerned, denied };
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

/**
 * A refusal that the database decided. It is counted and always told: a flood from the same network must not
 * hide from anybody that their session is over.
 */
async function refuseGenuine(
  deps: FlowDeps,
  { refuse: reason, session }: Refused,
  request: RequestFacts,
): Promise<AuthError> {
  deps.limits.countLocal("refusedRefreshes", request.network);
  // Reuse wrote its row in the transaction that ended the session.
  if (session !== undefined && reason !== "REFRESH_REUSED") {
    await deps.audit.refused("refresh", { reason, ...session, request });
  }
  return new AuthError(reason);
}
