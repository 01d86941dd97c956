import { sql } from "drizzle-orm";
import { systemClock } from "../clock.ts";
import { createAdmission } from "./admission.ts";
import { DatabaseUnavailable } from "./errors.ts";
import { createPacedSocket } from "./paced_socket.ts";
import { type Db, endPool, openPool, type Pool } from "./pool.ts";

export type { Db } from "./pool.ts";

interface TransactionOptions {
  /** An app's own code runs in it: such transactions have half of the places between them. */
  hasAppCode?: boolean;
}

/** Postgres, with a bound on how long a caller waits and on how many wait. */
export interface Store {
  /** Runs statements that each commit by themselves. @throws DatabaseUnavailable after `deadlineMs` (2 s). */
  query<T>(work: (db: Db) => Promise<T>, deadlineMs?: number): Promise<T>;
  /** Runs one transaction. @throws DatabaseUnavailable after 3 s; what is not finished by then is rolled back. */
  transaction<T>(work: (tx: Db) => Promise<T>, options?: TransactionOptions): Promise<T>;
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
  /** Connections for statements; transactions have as many of their own at the most. */
  poolSize?: number;
}

const WAITING_MAX = 512;
const QUERY_DEADLINE_MS = 2_000;
const TRANSACTION_DEADLINE_MS = 3_000;
/** Above the server's own statement time-out: a server that is there has answered by then. */
const SILENCE_MS = 3_000;
const LINGER_SECONDS = 3;

interface Subscription {
  channel: string;
  onNotify: () => void;
  onListening: () => void;
}

/** Opens the pool. It connects on first use, so this never fails. */
export function connect({ databaseUrl, poolSize = 10 }: ConnectOptions): Store {
  const socket = createPacedSocket();
  const subscriptions: Subscription[] = [];
  // A transaction has a connection of its own: the driver's `begin` cannot survive that its connection breaks.
  const idle: Pool[] = [];
  const busy = new Set<Pool>();
  let isClosed = false;
  let queries = openQueries();
  const admission = createAdmission({
    places: poolSize,
    waitingMax: WAITING_MAX,
    silenceMs: SILENCE_MS,
    onSilence,
  });

  // However slow an app's hooks are, half of the places are left for everybody else.
  const appAdmission = createAdmission({
    places: Math.max(1, Math.floor(poolSize / 2)),
    waitingMax: WAITING_MAX,
    silenceMs: Infinity,
    onSilence: () => {},
  });

  function openQueries(): Pool {
    return openPool({ databaseUrl, size: poolSize, socket, onBroken: replaceQueries });
  }

  function replaceQueries(broken: Pool): void {
    if (isClosed || broken !== queries) return;
    queries = openQueries();
    void endPool(broken, LINGER_SECONDS);
    for (const subscription of subscriptions) subscribe(subscription).catch(() => {});
  }

  // After a failover without a word, the old connections would hang until TCP gives up, a quarter of an hour.
  function onSilence(): void {
    for (const pool of [...idle.splice(0), ...busy, queries]) {
      void endPool(pool, 0);
      replaceQueries(pool);
    }
  }

  async function subscribe({ channel, onNotify, onListening }: Subscription): Promise<void> {
    await queries.client.listen(channel, onNotify, onListening);
  }

  /** A connection that broke while nobody used it is left behind. */
  function takeIdle(): Pool | undefined {
    for (let pool = idle.pop(); pool !== undefined; pool = idle.pop()) {
      if (!pool.isBroken) return pool;
      void endPool(pool, 0);
    }
    return undefined;
  }

  async function transact<T>(work: (tx: Db) => Promise<T>): Promise<T> {
    if (isClosed) throw new DatabaseUnavailable("the store is closed");
    const pool = takeIdle() ?? openPool({ databaseUrl, size: 1, socket });
    busy.add(pool);
    try {
      await pool.db.execute(sql`begin`);
      const result = await work(pool.db);
      await pool.db.execute(sql`commit`);
      return result;
    } catch (error) {
      // Without an answer nobody knows whether it is over, so the connection goes, and the transaction with it.
      if (!pool.isBroken) await pool.db.execute(sql`rollback`).catch(() => endPool(pool, 0));
      throw error;
    } finally {
      busy.delete(pool);
      if (isClosed || pool.isBroken) void endPool(pool, 0);
      else idle.push(pool);
    }
  }

  return {
    query: (work, deadlineMs = QUERY_DEADLINE_MS) => admission.run(() => work(queries.db), deadlineMs),
    transaction(work, { hasAppCode = false } = {}) {
      const startedAtMs = systemClock.monotonicMs();
      const requireInTime = () => {
        const isLate = systemClock.monotonicMs() - startedAtMs > TRANSACTION_DEADLINE_MS;
        if (isLate) throw new DatabaseUnavailable("its caller has been told");
      };
      const run = () =>
        admission.run(() =>
          transact(async (tx) => {
            requireInTime();
            const result = await work(tx);
            requireInTime();
            return result;
          }), TRANSACTION_DEADLINE_MS);
      return hasAppCode ? appAdmission.run(run, TRANSACTION_DEADLINE_MS) : run();
    },
    async listen(channel, onNotify, onListening) {
      const subscription = { channel, onNotify, onListening };
      subscriptions.push(subscription);
      await subscribe(subscription);
    },
    async close() {
      isClosed = true;
      const pools = [queries, ...idle.splice(0), ...busy];
      await Promise.all(pools.map((pool) => pool.client.end({ timeout: 2 })));
    },
  };
}
