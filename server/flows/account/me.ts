import type { Me } from "@watchword/shared";
import { AuthError } from "../../auth_error.ts";
import type { Identity } from "../../request.ts";
import { findSessionState } from "../../store/sessions.ts";
import { toSession, toUser } from "../_private.ts";
import type { FlowDeps } from "../deps.ts";

/** Reads the caller's account and current session. */
export async function me({ store }: FlowDeps, identity: Identity): Promise<Me> {
  const state = await store.query((db) => findSessionState(db, identity.sessionId));
  if (state === null || state.ended) throw new AuthError("SESSION_REVOKED");
  return {
    user: toUser(state.user),
    session: toSession(state.session, identity.sessionId),
    claims: { ...identity.claims },
  };
}
