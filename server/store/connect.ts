import { drizzle, type PostgresJsQueryResultHKT } from "drizzle-orm/postgres-js";
import type { PgDatabase } from "drizzle-orm/pg-core";
import postgres from "postgres";
import { DatabaseUnavailable } from "./errors.ts";

/** The database or a transaction in it; the functions of `store/` take either. */
export type Db = PgDatabase<PostgresJsQueryResultHKT>;

/** Postgres, with a bound on how long a caller waits and on how many wait. */
export interface Store {
  /** Runs statements that each commit by themselves. @throws DatabaseUnavailable after `deadlineMs` (2 s). */
  query<T>(work: (db: Db) => Promise<T>, deadlineMs?: number): Promise<T>;
  /** Runs one transaction. @throws DatabaseUnavailable after 3 s; work that has not begun by then never begins. */
  transaction<T>(work: (tx: Db) => Promise<T>): Promise<T>;
  /**
   * Listens on a channel, on a connection of its own that is opened again whenever it breaks.
   *
   * @param onListening runs at the start and after each break: what was sent meanwhile is lost
   */
  listen(channel: string, onNotify: () => void, onListening: () => void): Promise<void>;
  close(): Promise<void>;
}

interface ConnectOptions {
  databaseUrl: string;
  poolSize?: number;
}

const PENDING_MAX = 512;
const QUERY_DEADLINE_MS = 2_000;
const TRANSACTION_DEADLINE_MS = 3_000;

/** Opens the pool. It connects on first use, so this never fails. */
export function connect({ databaseUrl, poolSize = 10 }: ConnectOptions): Store {
  const client = postgres(databaseUrl, {
    max: poolSize,
    connect_timeout: 2,
    // The driver's own back-off grows to 20 s, which would outlast the outage it waits for.
    backoff: () => 0.3,
    onnotice: () => {},
    connection: {
      application_name: "watchword",
      statement_timeout: 2_000,
      lock_timeout: 1_000,
      idle_in_transaction_session_timeout: 5_000,
    },
  });
  const db: Db = drizzle(client);
  let pending = 0;

  // The driver queues without bound while the database is away, so what is pending is counted here. It stays
  // counted past its deadline, because the driver still holds it.
  function admit<T>(run: () => Promise<T>, deadlineMs: number): Promise<T> {
    if (pending >= PENDING_MAX) {
      return Promise.reject(new DatabaseUnavailable("too many queries are waiting"));
    }
    pending++;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => reject(new DatabaseUnavailable("no answer in time")), deadlineMs);
      run().then(resolve, reject).finally(() => {
        pending--;
        clearTimeout(timer);
      });
    });
  }

  return {
    query: (work, deadlineMs = QUERY_DEADLINE_MS) => admit(() => work(db), deadlineMs),
    transaction: (work) => {
      const startBy = performance.now() + TRANSACTION_DEADLINE_MS;
      return admit(() =>
        db.transaction((tx) => {
          if (performance.now() > startBy) throw new DatabaseUnavailable("its turn came too late");
          return work(tx);
        }), TRANSACTION_DEADLINE_MS);
    },
    async listen(channel, onNotify, onListening) {
      await client.listen(channel, onNotify, onListening);
    },
    close: () => client.end({ timeout: 5 }),
  };
}
