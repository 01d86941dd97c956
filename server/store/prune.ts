import { type SQL, sql } from "drizzle-orm";
import type { Db } from "./connect.ts";

const BATCH = 500;

// One condition each, and each with an index, so that a batch never reads a table. A session stays known past its
// end for a while, so that its tokens are told what they are.
const expired: Readonly<Record<string, { table: string; where: SQL }>> = {
  denylist: { table: "denylist", where: sql`expires_at < now()` },
  sessions: { table: "sessions", where: sql`absolute_expires_at < now() - interval '1 day'` },
  revokedSessions: { table: "sessions", where: sql`revoked_at < now() - interval '30 days'` },
  throttle: { table: "throttle", where: sql`blocked_until < now()` },
  oneTimeTokens: { table: "one_time_tokens", where: sql`expires_at < now() - interval '1 day'` },
  mfaTickets: { table: "mfa_tickets", where: sql`expires_at < now()` },
  webauthnChallenges: { table: "webauthn_challenges", where: sql`expires_at < now()` },
  outbox: { table: "outbox", where: sql`created_at < now() - interval '30 days'` },
  auditEvents: { table: "audit_events", where: sql`at < now() - interval '400 days'` },
};

/** The kinds of rows that are pruned. */
export const prunedKinds: readonly string[] = Object.keys(expired);

/**
 * Deletes one small batch of a kind of row that has expired. Rows that somebody holds are skipped, so nobody waits.
 *
 * @returns how many rows went, and whether there may be more
 */
export async function pruneBatch(db: Db, kind: string): Promise<{ count: number; hasMore: boolean }> {
  const { table, where } = expired[kind] ?? {};
  if (table === undefined) throw new RangeError(`${kind} is not pruned`);
  const rows = await db.execute(sql`
    delete from ${sql.identifier(table)} where ctid = any(array(
      select ctid from ${sql.identifier(table)} where ${where} limit ${BATCH} for update skip locked
    )) returning 1`);
  return { count: rows.length, hasMore: rows.length === BATCH };
}
