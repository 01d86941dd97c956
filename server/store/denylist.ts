import { and, gt, or, sql } from "drizzle-orm";
import type { Db } from "./connect.ts";
import { denylist } from "./schema.ts";

/** An entry of the denylist: a session, or a user below an epoch. */
export interface DenylistRow {
  sessionId: string | null;
  userId: string | null;
  minEpoch: number | null;
}

/** One prepared statement that answers for every session and user that is being asked about. */
export function prepareDenylistLookup(
  db: Db,
): (asked: { sessionIds: string[]; userIds: string[] }) => Promise<DenylistRow[]> {
  const statement = db.select({
    sessionId: denylist.sessionId,
    userId: denylist.userId,
    minEpoch: denylist.minEpoch,
  }).from(denylist).where(and(
    or(
      sql`${denylist.sessionId} = any(${sql.placeholder("sessionIds")}::uuid[])`,
      sql`${denylist.userId} = any(${sql.placeholder("userIds")}::uuid[])`,
    ),
    gt(denylist.expiresAt, sql`now()`),
  )).prepare("denylist_lookup");
  return (asked) => statement.execute(asked);
}
