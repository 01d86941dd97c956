import { and, desc, eq, getTableColumns, gt, gte, inArray, isNull, ne, type SQL, sql } from "drizzle-orm";
import type { Db } from "./connect.ts";
import { type DatedDenylistRow, rawDenylistColumns, type RawDenylistRow, toDatedRow } from "./denylist.ts";
import { sessions, users } from "./schema.ts";
import { dbNowSeconds, inSeconds } from "./sql_time.ts";
import type { UserRow } from "./users.ts";

/** A row of `sessions`. */
export type SessionRow = typeof sessions.$inferSelect;
/** A session with what its user's row says about it, and the database's clock. */
export type SessionState = {
  session: SessionRow;
  user: UserRow;
  live: boolean;
  ended: boolean;
  dbNow: number;
};

/** Lifetimes in seconds, as the environment sets them. */
export interface Lifetimes {
  accessSeconds: number;
  refreshIdleSeconds: number;
  sessionAbsoluteSeconds: number;
}

type NewSession = Pick<
  SessionRow,
  "id" | "userId" | "epoch" | "currentHash" | "ratchetKey" | "amr" | "clientId" | "ip" | "userAgent"
>;

const isEnded = sql<boolean>`(${sessions.revokedAt} is not null or ${users.disabledAt} is not null
  or ${sessions.epoch} < ${users.tokenEpoch})`;
const isUnexpired = sql<
  boolean
>`(${sessions.idleExpiresAt} > now() and ${sessions.absoluteExpiresAt} > now())`;

function stateColumns() {
  return {
    session: getTableColumns(sessions),
    user: getTableColumns(users),
    ended: isEnded,
    live: sql<boolean>`(not ${isEnded} and ${isUnexpired})`,
    dbNow: dbNowSeconds,
  };
}

// Never earlier than before: a token from a time of longer lifetimes may still be alive, and must stay deniable.
function extendedLastAccess({ accessSeconds }: Lifetimes): SQL {
  return sql`greatest(${sessions.lastAccessExpiresAt},
    least(${sessions.absoluteExpiresAt}, ${inSeconds(accessSeconds)}))`;
}

/** Adds a session, dated by the database's clock. */
export async function insertSession(
  tx: Db,
  session: NewSession,
  lifetimes: Lifetimes,
): Promise<SessionRow & { dbNow: number }> {
  const absolute = inSeconds(lifetimes.sessionAbsoluteSeconds);
  const within = (seconds: number) => sql`least(${absolute}, ${inSeconds(seconds)})`;
  const [row] = await tx.insert(sessions).values({
    ...session,
    lastAccessExpiresAt: within(lifetimes.accessSeconds),
    authenticatedAt: sql`now()`,
    idleExpiresAt: within(lifetimes.refreshIdleSeconds),
    absoluteExpiresAt: absolute,
    createdAt: sql`now()`,
  }).returning({ ...getTableColumns(sessions), dbNow: dbNowSeconds });
  if (row === undefined) throw new Error("INSERT returned no row");
  return row;
}

/**
 * Rotates the refresh token if, and only if, the presented one is the session's current one and the session
 * lives. One statement that commits by itself: the database decides every race.
 */
export async function rotateSession(
  db: Db,
  rotation: {
    sessionId: string;
    clientId: string;
    presentedHash: Uint8Array;
    nextHash: Uint8Array;
    attemptHash: Uint8Array | null;
    ratchetKey: number;
  },
  lifetimes: Lifetimes,
): Promise<SessionRow & { roles: string[]; dbNow: number } | null> {
  const within = (seconds: number) => sql`least(${sessions.absoluteExpiresAt}, ${inSeconds(seconds)})`;
  const [row] = await db.update(sessions).set({
    generation: sql`${sessions.generation} + 1`,
    previousHash: sql`${sessions.currentHash}`,
    currentHash: rotation.nextHash,
    attemptHash: rotation.attemptHash,
    ratchetKey: rotation.ratchetKey,
    rotatedAt: sql`now()`,
    lastAccessExpiresAt: extendedLastAccess(lifetimes),
    idleExpiresAt: within(lifetimes.refreshIdleSeconds),
  }).from(users).where(and(
    eq(sessions.id, rotation.sessionId),
    eq(sessions.clientId, rotation.clientId),
    eq(users.id, sessions.userId),
    eq(sessions.currentHash, rotation.presentedHash),
    isNull(sessions.revokedAt),
    gt(sessions.idleExpiresAt, sql`now()`),
    gt(sessions.absoluteExpiresAt, sql`now()`),
    isNull(users.disabledAt),
    gte(sessions.epoch, users.tokenEpoch),
  )).returning({ ...getTableColumns(sessions), roles: users.roles, dbNow: dbNowSeconds });
  return row ?? null;
}

/** Reads a session with its user; `lock` holds the session row until the transaction ends. */
export async function findSessionState(
  db: Db,
  sessionId: string,
  { lock = false }: { lock?: boolean } = {},
): Promise<SessionState | null> {
  const query = db.select(stateColumns()).from(sessions).innerJoin(users, eq(users.id, sessions.userId))
    .where(eq(sessions.id, sessionId));
  const [row] = await (lock ? query.for("update", { of: sessions }) : query);
  return row ?? null;
}

/** Dates the latest access token of a session whose lost answer is being repeated. */
export async function extendLastAccess(tx: Db, sessionId: string, lifetimes: Lifetimes): Promise<void> {
  await tx.update(sessions).set({
    lastAccessExpiresAt: extendedLastAccess(lifetimes),
  }).where(eq(sessions.id, sessionId));
}

/** A user's live sessions, most recently used first. */
export async function listLiveSessions(db: Db, userId: string): Promise<SessionRow[]> {
  return await db.select(getTableColumns(sessions)).from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(eq(sessions.userId, userId), sql`not ${isEnded}`, isUnexpired))
    .orderBy(desc(sql`coalesce(${sessions.rotatedAt}, ${sessions.createdAt})`), desc(sessions.id));
}

/**
 * Ends sessions and denies their access tokens, in one statement.
 *
 * @returns the new entries of the denylist: one for each session that was not ended before
 */
async function endSessions(tx: Db, which: SQL | undefined, reason: string): Promise<DatedDenylistRow[]> {
  const rows = await tx.execute<RawDenylistRow>(sql`
    with ended as (
      update ${sessions} set revoked_at = now(), revoke_reason = ${reason}
      where ${which} and ${sessions.revokedAt} is null
      returning ${sessions.id}, ${sessions.lastAccessExpiresAt}
    )
    insert into denylist (session_id, expires_at)
    select id, greatest(last_access_expires_at, clock_timestamp()) + interval '60 seconds' from ended
    returning ${rawDenylistColumns}`);
  return rows.map(toDatedRow);
}

/** Ends one session. @returns nothing if it was ended before */
export function endSession(tx: Db, sessionId: string, reason: string): Promise<DatedDenylistRow[]> {
  return endSessions(tx, eq(sessions.id, sessionId), reason);
}

/** Ends every session of a user but one. */
export function endOtherSessions(
  tx: Db,
  userId: string,
  keptId: string,
  reason: string,
): Promise<DatedDenylistRow[]> {
  return endSessions(tx, and(eq(sessions.userId, userId), ne(sessions.id, keptId)), reason);
}

/** Ends the sessions of a user beyond the most recently used `kept` (ASVS 7.1.2). */
export function endOldestSessions(tx: Db, userId: string, kept: number): Promise<DatedDenylistRow[]> {
  return endSessions(
    tx,
    sql`${sessions.id} in (select id from sessions where user_id = ${userId} and revoked_at is null
      order by coalesce(rotated_at, created_at) desc, id desc offset ${kept})`,
    "evicted",
  );
}

/** Denies every access token of a user made before `minEpoch`, for as long as one of them could live. */
export async function denyUserBelow(
  tx: Db,
  { userId, minEpoch, accessSeconds }: { userId: string; minEpoch: number; accessSeconds: number },
): Promise<DatedDenylistRow[]> {
  const rows = await tx.execute<RawDenylistRow>(sql`
    insert into denylist (user_id, min_epoch, expires_at)
    select ${userId}::uuid, ${minEpoch}::int, greatest(max(last_access_expires_at),
      clock_timestamp() + make_interval(secs => ${accessSeconds}::float8)) + interval '60 seconds'
    from sessions where user_id = ${userId}
    returning ${rawDenylistColumns}`);
  return rows.map(toDatedRow);
}

/** What a session's and its user's own rows say now. */
export interface CurrentSession {
  sessionId: string;
  isEnded: boolean;
  roles: string[];
}

/** Reads many sessions at once. A session that is not returned does not exist. */
export async function listCurrentSessions(db: Db, sessionIds: string[]): Promise<CurrentSession[]> {
  return await db.select({ sessionId: sessions.id, isEnded, roles: users.roles })
    .from(sessions).innerJoin(users, eq(users.id, sessions.userId))
    .where(inArray(sessions.id, sessionIds));
}
