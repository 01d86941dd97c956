import type { Session } from "@watchword/shared";
import type { Identity } from "../../request.ts";
import { listLiveSessions } from "../../store/sessions.ts";
import { toSession } from "../_private.ts";
import type { FlowDeps } from "../deps.ts";

/** Lists the caller's live sessions, most recently used first, the current one marked. */
export async function listSessions({ store }: FlowDeps, { userId, sessionId }: Identity): Promise<Session[]> {
  const rows = await store.query((db) => listLiveSessions(db, userId));
  return rows.map((row) => toSession(row, sessionId));
}
