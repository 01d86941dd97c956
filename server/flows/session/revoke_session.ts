import type { Ok, RevokeSessionInput } from "@watchword/shared";
import { AuthError } from "../../auth_error.ts";
import type { Identity } from "../../request.ts";
import { insertAuditEvent } from "../../store/audit_events.ts";
import { endSession, findSessionState } from "../../store/sessions.ts";
import { auditFacts } from "../_private.ts";
import type { FlowDeps } from "../deps.ts";

/** Ends one of the caller's own sessions. Another user's is answered like one that does not exist. */
export async function revokeSession(
  { store, denylist, audit }: FlowDeps,
  input: RevokeSessionInput & { identity: Identity },
): Promise<Ok> {
  const { identity, sessionId } = input;
  const denied = await store.transaction(async (tx) => {
    const state = await findSessionState(tx, sessionId);
    if (state?.session.userId !== identity.userId) return null;
    const ended = await endSession(tx, sessionId, "revoked by user");
    if (ended.length === 0) return ended;
    await insertAuditEvent(tx, {
      event: "session revoked",
      ok: true,
      userId: identity.userId,
      sessionId,
      ...auditFacts(identity.request),
    });
    return ended;
  });
  if (denied === null) {
    const { userId, sessionId: callersId, request } = identity;
    await audit.refused("session revoked", { reason: "NOT_FOUND", userId, sessionId: callersId, request });
    throw new AuthError("NOT_FOUND");
  }
  denylist.announce(denied);
  return { ok: true };
}
