import { drizzle, type PostgresJsQueryResultHKT } from "drizzle-orm/postgres-js";
import type { PgDatabase } from "drizzle-orm/pg-core";
import postgres from "postgres";
import { systemClock } from "../clock.ts";
import { createAdmission } from "./admission.ts";
import { DatabaseUnavailable } from "./errors.ts";

/** The database or a transaction in it; the functions of `store/` take either. */
export type Db = PgDatabase<PostgresJsQueryResultHKT>;

/** Postgres, with a bound on how long a caller waits and on how many wait. */
export interface Store {
  /** Runs statements that each commit by themselves. @throws DatabaseUnavailable after `deadlineMs` (2 s). */
  query<T>(work: (db: Db) => Promise<T>, deadlineMs?: number): Promise<T>;
  /** Runs one transaction. @throws DatabaseUnavailable after 3 s; what is not finished by then is rolled back. */
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

const WAITING_MAX = 512;
const QUERY_DEADLINE_MS = 2_000;
const TRANSACTION_DEADLINE_MS = 3_000;
/** Above the server's own statement time-out: a server that is there has answered by then. */
const SILENCE_MS = 3_000;

interface Subscription {
  channel: string;
  onNotify: () => void;
  onListening: () => void;
}

function openPool(databaseUrl: string, poolSize: number): { client: postgres.Sql; db: Db } {
  const client = postgres(databaseUrl, {
    max: poolSize,
    connect_timeout: 2,
    // The driver's own back-off grows to 20 s, which would outlast the outage it waits for.
    backoff: () => 0.3,
    // A standby may be behind, and what it does not know yet would be allowed.
    target_session_attrs: "read-write",
    onnotice: () => {},
    connection: {
      application_name: "watchword",
      statement_timeout: 2_000,
      lock_timeout: 1_000,
      idle_in_transaction_session_timeout: 5_000,
    },
  });
  return { client, db: drizzle(client) };
}

/** Opens the pool. It connects on first use, so this never fails. */
export function connect({ databaseUrl, poolSize = 10 }: ConnectOptions): Store {
  let pool = openPool(databaseUrl, poolSize);
  let isClosed = false;
  const subscriptions: Subscription[] = [];
  const admission = createAdmission({
    places: poolSize,
    waitingMax: WAITING_MAX,
    silenceMs: SILENCE_MS,
    // After a failover without a word, the old connections would hang until TCP gives up, a quarter of an hour.
    onSilence() {
      if (isClosed) return;
      void pool.client.end({ timeout: 0 }).catch(() => {});
      pool = openPool(databaseUrl, poolSize);
      for (const subscription of subscriptions) subscribe(subscription).catch(() => {});
    },
  });

  async function subscribe({ channel, onNotify, onListening }: Subscription): Promise<void> {
    await pool.client.listen(channel, onNotify, onListening);
  }

  return {
    query: (work, deadlineMs = QUERY_DEADLINE_MS) => admission.run(() => work(pool.db), deadlineMs),
    transaction(work) {
      const startedAtMs = systemClock.monotonicMs();
      const requireInTime = () => {
        const isLate = systemClock.monotonicMs() - startedAtMs > TRANSACTION_DEADLINE_MS;
        if (isLate) throw new DatabaseUnavailable("its caller has been told");
      };
      return admission.run(() =>
        pool.db.transaction(async (tx) => {
          requireInTime();
          const result = await work(tx);
          requireInTime();
          return result;
        }), TRANSACTION_DEADLINE_MS);
    },
    async listen(channel, onNotify, onListening) {
      const subscription = { channel, onNotify, onListening };
      subscriptions.push(subscription);
      await subscribe(subscription);
    },
    async close() {
      isClosed = true;
      await pool.client.end({ timeout: 5 });
    },
  };
}
