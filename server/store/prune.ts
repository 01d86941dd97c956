import { type SQL, sql } from "drizzle-orm";
import type { Db } from "./connect.ts";

const BATCH = 500;

// A session stays known past its end for a while, so that its tokens are told what they are.
const expired: Readonly<Record<string, SQL>> = {
  denylist: sql`expires_at < now()`,
  sessions: sql`absolute_expires_at < now() - interval '1 day' or revoked_at < now() - interval '30 days'`,
  throttle: sql`blocked_until < now()`,
  one_time_tokens: sql`expires_at < now() - interval '1 day'`,
  mfa_tickets: sql`expires_at < now()`,
  webauthn_challenges: sql`expires_at < now()`,
  outbox: sql`sent_at < now() - interval '7 days' or created_at < now() - interval '30 days'`,
  audit_events: sql`at < now() - interval '400 days'`,
};

/** Tables that are pruned. */
export const prunedTables: readonly string[] = Object.keys(expired);

/**
 * Deletes one small batch of what has expired in a table. Rows that somebody holds are skipped, so nobody waits.
 *
 * @returns how many rows went, and whether there may be more
 */
export async function pruneBatch(db: Db, table: string): Promise<{ count: number; hasMore: boolean }> {
  const where = expired[table];
  if (where === undefined) throw new Error(`${table} is not pruned`);
  const rows = await db.execute(sql`
    delete from ${sql.identifier(table)} where ctid = any(array(
      select ctid from ${sql.identifier(table)} where ${where} limit ${BATCH} for update skip locked
    )) returning 1`);
  return { count: rows.length, hasMore: rows.length === BATCH };
}
