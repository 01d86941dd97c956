import type { Store } from "../store/connect.ts";
import { type DenylistRow, prepareDenylistLookup } from "../store/denylist.ts";
import { coalesce } from "./coalesce.ts";

/** What of an access token the denylist is asked about. Never the token itself or its hash. */
export interface DenylistQuestion {
  sessionId: string;
  userId: string;
  epoch: number;
}

/** Tells which sessions were ended before their access tokens expired. */
export interface Denylist {
  /**
   * Asks Postgres, in a look-up that begins after the call. So a revocation that was committed anywhere
   * before the call is seen.
   *
   * @throws DatabaseUnavailable after 1 s
   */
  isDenied(question: DenylistQuestion): Promise<boolean>;
}

const LOOKUP_DEADLINE_MS = 1_000;

function indexRows(rows: DenylistRow[]): (question: DenylistQuestion) => boolean {
  const sessionIds = new Set<string>();
  const minEpochs = new Map<string, number>();
  for (const { sessionId, userId, minEpoch } of rows) {
    if (sessionId !== null) sessionIds.add(sessionId);
    if (userId !== null) minEpochs.set(userId, Math.max(minEpochs.get(userId) ?? 0, minEpoch ?? Infinity));
  }
  return ({ sessionId, userId, epoch }) => sessionIds.has(sessionId) || epoch < (minEpochs.get(userId) ?? 0);
}

/** Builds the denylist over Postgres. */
export function createDenylist(store: Store): Denylist {
  let lookup: ReturnType<typeof prepareDenylistLookup> | undefined;
  const isDenied = coalesce(async (questions: DenylistQuestion[]) => {
    const rows = await store.query((db) => {
      lookup ??= prepareDenylistLookup(db);
      return lookup({
        sessionIds: questions.map((question) => question.sessionId),
        userIds: questions.map((question) => question.userId),
      });
    }, LOOKUP_DEADLINE_MS);
    return indexRows(rows);
  });
  return { isDenied };
}
