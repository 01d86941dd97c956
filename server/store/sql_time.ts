import { type SQL, sql } from "drizzle-orm";

/** The database's clock as seconds since 1970: the one clock that dates tokens and ends sessions. */
export const dbNowSeconds: SQL<number> = sql`extract(epoch from now())`.mapWith(Number);

/** The instant so many seconds from the database's now. */
export function inSeconds(seconds: number): SQL {
  return sql`now() + make_interval(secs => ${seconds}::float8)`;
}
