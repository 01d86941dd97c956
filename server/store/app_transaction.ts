import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import type postgres from "postgres";
import type { Db } from "./connect.ts";

/** An app's Drizzle schema, as `drizzle({ schema })` takes it. */
export type AppSchema = Record<string, unknown>;

/** The transaction that is under way, as a Drizzle database typed by the app's schema. */
export type AppTransaction<Schema extends AppSchema = Record<string, never>> = PostgresJsDatabase<Schema>;

interface Loan<Schema extends AppSchema> {
  tx: Db;
  schema: Schema | undefined;
}

/**
 * Lends a transaction for as long as `use` runs. The handle is dead from then on: the connection goes to other
 * transactions, and a statement that comes late must not become part of one of them.
 */
export async function lendTransaction<Schema extends AppSchema>(
  { tx, schema }: Loan<Schema>,
  use: (handle: AppTransaction<Schema>) => Promise<void>,
): Promise<void> {
  const { $client } = tx as Db & { $client: postgres.Sql };
  let isOver = false;
  const client = lendClient($client, () => isOver);
  try {
    await use(drizzle(client, schema === undefined ? {} : { schema }));
  } finally {
    isOver = true;
  }
}

const lead = /^(?:[\s;]|--[^\n\r]*|\/\*(?:(?!\/\*|\*\/)[^])*\*\/)*/;
// A comment in a comment is left for here: what it hides is not looked for.
const ending = /^(?:(?:abort|begin|commit|end|prepare|start|rollback(?!\s+to\b))\b|\/\*)/i;

/** Tells whether a statement begins or ends a transaction. Savepoints in it are its own. */
export function endsTransaction(statement: string): boolean {
  return ending.test(statement.replace(lead, ""));
}

type Statement = Parameters<postgres.Sql["unsafe"]>;

/** What Drizzle uses of a client. Its nested transactions are savepoints, because the outer one is ours to commit. */
function lendClient(client: postgres.Sql, isOver: () => boolean): postgres.Sql {
  let savepointCount = 0;

  function unsafe(...[statement, parameters, options]: Statement) {
    if (isOver()) throw new Error("the hook is over, and its transaction with it");
    if (endsTransaction(statement)) throw new Error("a hook must not begin or end a transaction");
    // The simple protocol would run further statements behind a semicolon.
    return client.unsafe(statement, parameters, { ...options, simple: false } as Statement[2]);
  }

  async function nest<T>(run: (nested: postgres.Sql) => Promise<T>): Promise<T> {
    const name = `hook_${savepointCount++}`;
    await unsafe(`savepoint ${name}`);
    try {
      const result = await run(lent);
      await unsafe(`release savepoint ${name}`);
      return result;
    } catch (error) {
      await unsafe(`rollback to savepoint ${name}`);
      throw error;
    }
  }

  const lent = { options: client.options, unsafe, begin: nest, savepoint: nest } as unknown as postgres.Sql;
  return lent;
}
