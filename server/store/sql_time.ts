import { type SQL, sql } from "drizzle-orm";
import type { Db } from "./connect.ts";

/** The database's clock as seconds since 1970: the one clock that dates tokens and ends sessions. */
export const dbNowSeconds: SQL<number> = sql`extract(epoch from now())`.mapWith(Number);

/** The instant so many seconds from the database's now. */
export function inSeconds(seconds: number): SQL {
  return sql`now() + make_interval(secs => ${seconds}::float8)`;
}

/** Asks the database what time it is: seconds since 1970. */
export async function readDatabaseTime(db: Db): Promise<number> {
  const [row] = await db.execute<{ seconds: string }>(sql`select extract(epoch from now()) as seconds`);
  return Number(row?.seconds);
}
