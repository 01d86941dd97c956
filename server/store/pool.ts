import { drizzle } from "drizzle-orm/postgres-js";
import type { PgDatabase } from "drizzle-orm/pg-core";
import type { PostgresJsQueryResultHKT } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { DatabaseUnavailable } from "./errors.ts";
import type { PacedSocket } from "./paced_socket.ts";

/** The database or a transaction in it; the functions of `store/` take either. */
export type Db = PgDatabase<PostgresJsQueryResultHKT>;

/** Some connections to Postgres. When one of them breaks, the whole pool is given up. */
export interface Pool {
  db: Db;
  client: postgres.Sql;
  isBroken: boolean;
}

interface PoolOptions {
  databaseUrl: string;
  size: number;
  socket: PacedSocket;
  onBroken?: (pool: Pool) => void;
}

/**
 * Opens connections on first use.
 *
 * The driver does not recover every connection that breaks: it may keep a write that never leaves, or write to a
 * socket that is gone, which nobody can catch (porsager/postgres#1133, #1155). So a broken pool is never asked again.
 */
export function openPool({ databaseUrl, size, socket, onBroken }: PoolOptions): Pool {
  const options: postgres.Options<Record<string, never>> & { socket: PacedSocket } = {
    socket,
    max: size,
    connect_timeout: 2,
    // The driver's own back-off grows to 20 s, which would outlast the outage it waits for.
    backoff: () => 0.3,
    // A standby may be behind, and what it does not know yet would be allowed.
    target_session_attrs: "read-write",
    onnotice: () => {},
    onclose: () => {
      if (pool.isBroken) return;
      pool.isBroken = true;
      onBroken?.(pool);
    },
    connection: {
      application_name: "watchword",
      statement_timeout: 2_000,
      lock_timeout: 1_000,
      idle_in_transaction_session_timeout: 5_000,
    },
  };
  const client = postgres(databaseUrl, options);
  const send = client.unsafe;
  client.unsafe = ((...statement: Parameters<typeof send>) => {
    if (pool.isBroken) throw new DatabaseUnavailable("the connection broke");
    return send(...statement);
  }) as typeof send;
  const pool: Pool = { client, db: drizzle(client), isBroken: false };
  return pool;
}

/** Lets go of a pool; what is under way has a moment to finish. */
export function endPool(pool: Pool, timeoutSeconds: number): Promise<void> {
  pool.isBroken = true;
  return pool.client.end({ timeout: timeoutSeconds }).catch(() => {});
}
