import type { TestDatabase } from "./database.ts";

/** For each table, how many rows it has and one checksum over all of them. */
export type DatabaseSnapshot = Record<string, { rowCount: number; checksum: string }>;

/**
 * Reads every table, so that two snapshots are equal only when nothing changed in between.
 *
 * @param except tables that are meant to change, such as `audit_events`
 */
export async function takeSnapshot(
  { sql }: TestDatabase,
  { except = [] }: { except?: readonly string[] } = {},
): Promise<DatabaseSnapshot> {
  const tables = await sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'public' order by 1`;
  const reads = tables.filter(({ name }) => !except.includes(name)).map(({ name }) =>
    `select '${name}' as name, count(*)::int as count,
      md5(coalesce(string_agg(t::text, '|' order by t::text), '')) as checksum from "${name}" t`
  );
  const rows = await sql.unsafe<{ name: string; count: number; checksum: string }[]>(
    reads.join(" union all "),
  );
  return Object.fromEntries(rows.map(({ name, count, checksum }) => [name, { rowCount: count, checksum }]));
}

/** Counts the rows of a table. */
export async function countRows({ sql }: TestDatabase, table: string): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select count(*)::int as count from ${sql(table)}`;
  return row?.count ?? 0;
}
