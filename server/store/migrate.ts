import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import { readMigrationFiles } from "drizzle-orm/migrator";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate as applyMigrations } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";
import type { Db } from "./connect.ts";

/** How a database stands against the files of `migrations/`. */
export interface MigrationState {
  /** Files that the database has not seen. */
  pending: number;
  /** Rows of the database that no file matches: it is newer than this code, or a file was edited. */
  unknown: number;
  /** Pending files older than an applied one: Drizzle's migrator would skip them without a word. */
  late: number;
}

/** Where the SQL of `migrations/` is. */
export const migrationsFolder = fileURLToPath(new URL("../../migrations", import.meta.url));

// Beside Drizzle's own table: an app that migrates the same database with Drizzle keeps its list there. Not in a schema
// of our own name, which a role of that name would find before `public`.
const ours = { migrationsSchema: "drizzle", migrationsTable: "__watchword_migrations" };

/** Compares the database with `migrations/`, by hash. */
export async function readMigrationState(db: Db, migrationsFolder: string): Promise<MigrationState> {
  const files = readMigrationFiles({ migrationsFolder });
  const [table] = await db.execute<{ name: string | null }>(
    sql`select to_regclass('drizzle.__watchword_migrations')::text as name`,
  );
  const rows = table?.name
    ? await db.execute<{ hash: string; created_at: string }>(
      sql`select hash, created_at from drizzle.__watchword_migrations`,
    )
    : [];
  const applied = new Set(rows.map((row) => row.hash));
  const known = new Set(files.map((file) => file.hash));
  const newest = Math.max(0, ...rows.map((row) => Number(row.created_at)));
  const pending = files.filter((file) => !applied.has(file.hash));
  return {
    pending: pending.length,
    unknown: rows.filter((row) => !known.has(row.hash)).length,
    late: pending.filter((file) => file.folderMillis <= newest).length,
  };
}

/**
 * Makes and updates Watchword's own tables, one migrator at a time. Nothing else in the database is touched: an app's
 * migrations may run before and after it. Uses its own connection, without the pool's time-outs.
 *
 * @param databaseUrl a postgres.js URL; the role must be allowed to create tables and a schema
 * @throws Error when the database is newer than this version
 */
export async function migrate(databaseUrl: string, folder = migrationsFolder): Promise<void> {
  const client = postgres(databaseUrl, { max: 1, onnotice: () => {}, connection: { lock_timeout: 10_000 } });
  const db = drizzle(client);
  try {
    await db.execute(sql`select pg_advisory_lock(7239, 0)`);
    const { late, unknown } = await readMigrationState(db, folder);
    if (late > 0) {
      throw new Error(
        `${late} migration(s) are older than one that was applied; give them a newer timestamp`,
      );
    }
    if (unknown > 0) {
      throw new Error(`the database has ${unknown} migration(s) that this version does not know`);
    }
    await applyMigrations(db, { migrationsFolder: folder, ...ours });
  } finally {
    await client.end({ timeout: 5 });
  }
}
