import { and, gt, or, sql } from "drizzle-orm";
import type { Db } from "./connect.ts";
import { denylist } from "./schema.ts";

/** An entry of the denylist: a session, or a user below an epoch. */
export interface DenylistRow {
  sessionId: string | null;
  userId: string | null;
  minEpoch: number | null;
}

/** An entry with its end, in seconds since 1970 by the database's clock. */
export interface DatedDenylistRow extends DenylistRow {
  expiresAtSeconds: number;
}

/** What one snapshot showed. */
export interface DenylistPage {
  /** Every transaction below it had ended before the snapshot. */
  horizon: bigint;
  dbNowSeconds: number;
  /** Null when there were more than was asked for, because the page would not be whole. */
  rows: DatedDenylistRow[] | null;
}

/** What a raw statement returns of a new entry. */
export type RawDenylistRow = {
  session_id: string | null;
  user_id: string | null;
  min_epoch: number | null;
  expires_at_seconds: string;
};

/** Columns of a raw statement that ends in `returning`. */
export const rawDenylistColumns =
  sql`session_id, user_id, min_epoch, extract(epoch from expires_at) as expires_at_seconds`;

/** Reads a raw row. */
export function toDatedRow(row: RawDenylistRow): DatedDenylistRow {
  return {
    sessionId: row.session_id,
    userId: row.user_id,
    minEpoch: row.min_epoch,
    expiresAtSeconds: Number(row.expires_at_seconds),
  };
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

/**
 * Reads every entry that a snapshot from `horizon` on could have missed, and the next horizon, in one snapshot.
 *
 * A cursor on `seq` would lose rows that commit out of order; everything at or above the horizon is read again.
 *
 * @param max how many rows are read
 */
export async function readDenylistSince(db: Db, horizon: bigint, max: number): Promise<DenylistPage> {
  const rows = await db.execute<Partial<RawDenylistRow> & { seq: string | null; xmin: string; now: string }>(
    sql`
    select x.xmin::text as xmin, extract(epoch from now()) as now, d.seq,
      d.session_id, d.user_id, d.min_epoch, extract(epoch from d.expires_at) as expires_at_seconds
    from (select pg_snapshot_xmin(pg_current_snapshot()) as xmin) x
    left join denylist d on d.xid >= ${String(horizon)}::xid8 and d.expires_at > now()
    limit ${max + 1}`,
  );
  const [first] = rows;
  if (first === undefined) throw new Error("the snapshot returned no row");
  return {
    horizon: BigInt(first.xmin),
    dbNowSeconds: Number(first.now),
    rows: rows.length > max
      ? null
      : rows.filter((row): row is typeof row & RawDenylistRow => row.seq !== null).map(toDatedRow),
  };
}

/** Wakes the other instances. Only a hint, and never inside a transaction: NOTIFY takes a lock at commit. */
export async function notifyDenylist(db: Db): Promise<void> {
  await db.execute(sql`select pg_notify(${DENYLIST_CHANNEL}, '')`);
}

/** Where the hints are sent. */
export const DENYLIST_CHANNEL = "watchword_denylist";
