import postgres from "postgres";
import { migrate } from "@watchword/server";
import { startEmbeddedPostgres } from "../../server/store/embedded_postgres.ts";

/** A database of a test's own, with a clock that the test can move. */
export interface TestDatabase extends AsyncDisposable {
  url: string;
  sql: postgres.Sql;
  /** Moves the database's `now()` away from the real time. */
  shiftClock(ms: number): Promise<void>;
}

const migrationsFolder = new URL("../../migrations", import.meta.url).pathname;
const TEMPLATE = "watchword_template";

let serverUrl: Promise<string> | undefined;

/** The URL of a throwaway server: the runner's, or one that this process starts for itself. */
export function findServerUrl(): Promise<string> {
  serverUrl ??= (async () => {
    const given = Deno.env.get("TEST_DATABASE_URL");
    if (given) return given;
    const dataDir = await Deno.makeTempDir({ prefix: "watchword-test-" });
    await Deno.chmod(dataDir, 0o755);
    const server = await startEmbeddedPostgres({ dataDir, isThrowaway: true });
    globalThis.addEventListener("unload", () => {
      void server.stop();
      // The server goes on for a moment, and this process does not: 70 MB would stay behind with each run.
      const args = ["-c", 'sleep 3; rm -rf "$0"', dataDir];
      new Deno.Command("sh", { args, stdin: "null", stdout: "null", stderr: "null" }).spawn().unref();
    });
    return server.databaseUrl;
  })();
  return serverUrl;
}

export function urlOf(base: string, database: string): string {
  const url = new URL(base);
  url.pathname = `/${database}`;
  return url.href;
}

// `now()` is looked up along the search path, so one that stands before pg_catalog moves the database's clock
// for every statement, and the product needs no seam for it.
const movableClock = `
  create schema clock;
  create table clock.shift (by interval not null);
  insert into clock.shift values ('0');
  create function clock.now() returns timestamptz stable language sql
    as $$ select pg_catalog.now() + (select by from clock.shift) $$;
  create function clock.clock_timestamp() returns timestamptz volatile language sql
    as $$ select pg_catalog.clock_timestamp() + (select by from clock.shift) $$;
`;

let template: Promise<void> | undefined;

async function makeTemplate(base: string): Promise<void> {
  const admin = postgres(base, { max: 1, onnotice: () => {} });
  try {
    // Test files run in processes and workers of their own: the first one makes it, the others wait.
    await admin`select pg_advisory_lock(7239, 99)`;
    const [found] = await admin`select 1 from pg_database where datname = ${TEMPLATE}`;
    if (found) return;
    await admin.unsafe(`alter role current_user set search_path = public, clock, pg_catalog`);
    await admin.unsafe(`create database ${TEMPLATE}_new`);
    const inside = postgres(urlOf(base, `${TEMPLATE}_new`), { max: 1, onnotice: () => {} });
    await inside.unsafe(movableClock);
    await inside.end();
    await migrate(urlOf(base, `${TEMPLATE}_new`), migrationsFolder);
    await admin.unsafe(`alter database ${TEMPLATE}_new rename to ${TEMPLATE}`);
  } finally {
    await admin.end();
  }
}

/** Makes a migrated database; disposing drops it. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const base = await findServerUrl();
  await (template ??= makeTemplate(base));
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = postgres(base, { max: 1, onnotice: () => {} });
  await admin`select pg_advisory_lock(7239, 98)`;
  await admin.unsafe(`create database ${name} template ${TEMPLATE}`);
  await admin.end();
  const url = urlOf(base, name);
  const sql = postgres(url, { max: 4, onnotice: () => {} });
  return {
    url,
    sql,
    async shiftClock(ms) {
      await sql`update clock.shift set by = make_interval(secs => ${ms / 1_000})`;
    },
    async [Symbol.asyncDispose]() {
      await sql.end();
      const last = postgres(base, { max: 1, onnotice: () => {} });
      await last.unsafe(`drop database ${name} with (force)`);
      await last.end();
    },
  };
}

/** Makes a database without any table; disposing drops it. */
export async function createEmptyDatabase(): Promise<{ url: string; sql: postgres.Sql } & AsyncDisposable> {
  const base = await findServerUrl();
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = postgres(base, { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${name} template template0`);
  const url = urlOf(base, name);
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  return {
    url,
    sql,
    async [Symbol.asyncDispose]() {
      await sql.end();
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}
