import postgres from "postgres";
import type { TestDatabase } from "../kit/database.ts";

/** A reproducible source of numbers from 0 to 1 (mulberry32). */
export function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The items in another order. */
export function shuffle<T>(items: readonly T[], random: () => number): T[] {
  return items.map((item) => ({ item, at: random() })).sort((a, b) => a.at - b.at).map(({ item }) => item);
}

interface RevokeOptions {
  seed: number;
  afterEachCommit: () => Promise<void>;
}

const ROWS_PER_TRANSACTION = 10;
const OPEN_TRANSACTIONS = 12;

/**
 * Adds sessions to the denylist from many transactions that are open at once and commit in another order than
 * they began in, beside one that only pins the horizon.
 */
export async function revokeOutOfOrder(
  database: TestDatabase,
  sessionIds: readonly string[],
  { seed, afterEachCommit }: RevokeOptions,
): Promise<void> {
  const random = makeRandom(seed);
  const sql = postgres(database.url, { max: OPEN_TRANSACTIONS + 1, onnotice: () => {} });
  const pin = await sql.reserve();
  const lanes = await Promise.all(Array.from({ length: OPEN_TRANSACTIONS }, () => sql.reserve()));
  try {
    let left = [...sessionIds];
    while (left.length > 0) {
      await pin`begin`;
      await pin`select pg_current_xact_id()`;
      for (const lane of lanes) {
        await lane`begin`;
        for (const sessionId of left.slice(0, ROWS_PER_TRANSACTION)) {
          await lane`
            insert into denylist (session_id, expires_at) values (${sessionId}, now() + interval '1 hour')`;
        }
        left = left.slice(ROWS_PER_TRANSACTION);
      }
      for (const lane of shuffle(lanes, random)) {
        await lane`commit`;
        await afterEachCommit();
      }
      await pin`commit`;
    }
  } finally {
    for (const lane of [pin, ...lanes]) lane.release();
    await sql.end();
  }
}

/** Ends the connections that the service listens on. */
export async function killListeners({ sql }: TestDatabase): Promise<number> {
  const killed = await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'watchword' and query ilike 'listen%'`;
  return killed.length;
}
