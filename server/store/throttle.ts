import { eq, sql } from "drizzle-orm";
import type { Db } from "./connect.ts";
import { throttle } from "./schema.ts";

/** Where a counter stands after it was counted up. */
export interface Count {
  count: number;
  retryAfterSeconds: number;
}

const retryAfterSeconds = sql<number>`greatest(1, ceil(extract(epoch from ${throttle.blockedUntil} - now())))`
  .mapWith(Number);

/** Counts one more in a fixed window. Never read-then-write: any number of callers get different counts. */
export async function countUp(db: Db, key: Uint8Array, windowSeconds: number): Promise<Count> {
  const isOver = sql`${throttle.blockedUntil} <= now()`;
  const windowEnd = sql`now() + make_interval(secs => ${windowSeconds}::float8)`;
  const [row] = await db.insert(throttle)
    .values({ key, count: 1, windowStartedAt: sql`now()`, blockedUntil: windowEnd })
    .onConflictDoUpdate({
      target: throttle.key,
      set: {
        count: sql`case when ${isOver} then 1 else least(${throttle.count} + 1, 1000000) end`,
        windowStartedAt: sql`case when ${isOver} then now() else ${throttle.windowStartedAt} end`,
        blockedUntil: sql`case when ${isOver} then ${windowEnd} else ${throttle.blockedUntil} end`,
      },
    }).returning({ count: throttle.count, retryAfterSeconds });
  if (row === undefined) throw new Error("UPSERT returned no row");
  return row;
}

/** Takes one back, of what was counted in vain. */
export async function countDown(db: Db, key: Uint8Array): Promise<void> {
  await db.update(throttle).set({ count: sql`greatest(0, ${throttle.count} - 1)` }).where(
    eq(throttle.key, key),
  );
}

/** Forgets a counter. */
export async function clearCount(db: Db, key: Uint8Array): Promise<void> {
  await db.delete(throttle).where(eq(throttle.key, key));
}
