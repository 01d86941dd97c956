import type postgres from "postgres";
import { eventually } from "../kit/eventually.ts";

/** The tables that a refused attack must leave alone. */
const guarded = ["users", "sessions", "denylist", "signing_keys", "outbox"] as const;

/** One checksum a table. */
export async function readFingerprint(sql: postgres.Sql): Promise<Record<string, string>> {
  const perTable = guarded.map((table) =>
    `select '${table}' as name, md5(coalesce(string_agg(t::text, E'\\n' order by t::text), '')) as sum from ${table} t`
  );
  const rows = await sql.unsafe<{ name: string; sum: string }[]>(perTable.join(" union all "));
  return Object.fromEntries(rows.map(({ name, sum }) => [name, sum]));
}

/** How many rows the audit trail has. */
export async function countAuditEvents(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select count(*)::int as count from audit_events`;
  return row?.count ?? 0;
}

/** A row of the audit trail, as far as tests look at it. */
export interface AuditRow {
  event: string;
  ok: boolean;
  reason: string | null;
  user_id: string | null;
  session_id: string | null;
}

/** The audit trail after the row with the given number, oldest first. */
export async function readAuditEvents(sql: postgres.Sql, afterId = "0"): Promise<AuditRow[]> {
  return await sql<AuditRow[]>`
    select event, ok, reason, user_id, session_id from audit_events where id > ${afterId} order by id`;
}

/** Waits for so many rows in all: a slow machine answers before it has written them. */
export async function waitForAuditEvents(sql: postgres.Sql, count: number): Promise<void> {
  await eventually(`${count} audit rows`, 5_000, async () => await countAuditEvents(sql) >= count);
}

/** Where the audit trail stands. */
export async function lastAuditId(sql: postgres.Sql): Promise<string> {
  const [row] = await sql<{ id: string }[]>`select coalesce(max(id), 0)::text as id from audit_events`;
  return row?.id ?? "0";
}

/** Every row of every table, as text. */
export async function dumpDatabase(sql: postgres.Sql): Promise<string> {
  const tables = await sql<{ name: string }[]>`
    select quote_ident(tablename) as name from pg_tables where schemaname = 'public' order by 1`;
  const dumps = await Promise.all(
    tables.map(({ name }) => sql.unsafe(`select t::text as row from ${name} t`)),
  );
  return dumps.flatMap((rows) => rows.map((row) => String(row["row"]))).join("\n");
}

/** A session's row, as far as tests look at it. */
export interface SessionState {
  generation: number;
  revoked_at: Date | null;
  revoke_reason: string | null;
}

/** Reads a session's row. */
export async function readSession(sql: postgres.Sql, sessionId: string): Promise<SessionState> {
  const [row] = await sql<SessionState[]>`
    select generation, revoked_at, revoke_reason from sessions where id = ${sessionId}`;
  if (row === undefined) throw new Error(`there is no session ${sessionId}`);
  return row;
}

/** What "disable" does until there is a procedure for it: protocol.md §3. */
export async function disableUser(sql: postgres.Sql, userId: string): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`update users set disabled_at = now(), token_epoch = token_epoch + 1 where id = ${userId}`;
    await denyUser(tx, userId);
  });
}

/** What "delete" does until there is a procedure for it. */
export async function deleteUser(sql: postgres.Sql, userId: string): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`update users set token_epoch = token_epoch + 1 where id = ${userId}`;
    await denyUser(tx, userId);
    await tx`delete from users where id = ${userId}`;
  });
}

/** What a password reset does to sessions until there is a procedure for it. */
export async function resetPassword(sql: postgres.Sql, userId: string): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`update users set password_hash = 'reset', token_epoch = token_epoch + 1 where id = ${userId}`;
    await denyUser(tx, userId);
  });
}

async function denyUser(tx: postgres.TransactionSql, userId: string): Promise<void> {
  await tx`
    insert into denylist (user_id, min_epoch, expires_at)
    select id, token_epoch, clock_timestamp() + interval '660 seconds' from users where id = ${userId}`;
}
