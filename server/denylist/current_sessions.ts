import type { Store } from "../store/connect.ts";
import { type CurrentSession, listCurrentSessions } from "../store/sessions.ts";
import type { Clock } from "../clock.ts";
import { acrossPauses } from "./across_pauses.ts";
import { coalesce } from "./coalesce.ts";

const LOOKUP_DEADLINE_MS = 1_000;

/**
 * Reads sessions' and their users' own rows, coalesced like the denylist. For the policy `strict`, where roles
 * and disabling must be current too; there is no copy to fall back on.
 *
 * @returns null for a session that does not exist. @throws DatabaseUnavailable after 1 s
 */
export function createCurrentSessions(
  store: Store,
  clock: Clock,
): (sessionId: string) => Promise<CurrentSession | null> {
  const lookUp = async (sessionIds: string[]) => {
    const rows = await store.query((db) => listCurrentSessions(db, sessionIds), LOOKUP_DEADLINE_MS);
    const byId = new Map(rows.map((row) => [row.sessionId, row]));
    return (sessionId: string) => byId.get(sessionId) ?? null;
  };
  return coalesce(acrossPauses(lookUp, { clock, deadlineMs: LOOKUP_DEADLINE_MS }));
}
