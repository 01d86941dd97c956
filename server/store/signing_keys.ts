import { and, eq, lte, sql } from "drizzle-orm";
import type { Db } from "./connect.ts";
import { signingKeys } from "./schema.ts";
import { inSeconds } from "./sql_time.ts";

/** A row of `signing_keys`. */
export type SigningKeyRow = typeof signingKeys.$inferSelect;
type MadeKey = Pick<SigningKeyRow, "kid" | "alg" | "publicJwk" | "privateEncrypted">;

/** How signing keys live, in seconds. */
export interface KeyLifetimes {
  /** How long a key signs. */
  rotationSeconds: number;
  /** How long a key is published before it signs. */
  pendingSeconds: number;
  /** How long a key verifies after it has stopped signing. */
  retiredSeconds: number;
}

/** Every key that may still sign or verify. */
export async function listSigningKeys(db: Db): Promise<SigningKeyRow[]> {
  return await db.select().from(signingKeys);
}

/** One instance at a time changes the keys. Any fixed numbers do, as long as nothing else uses them. */
export async function lockSigningKeys(tx: Db): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(7239, 1)`);
}

/** Adds the first key, unless another instance was faster. */
export async function ensureActiveSigningKey(tx: Db, made: MadeKey): Promise<void> {
  await lockSigningKeys(tx);
  const [active] = await tx.select({ kid: signingKeys.kid }).from(signingKeys).where(
    eq(signingKeys.state, "active"),
  );
  if (active) return;
  await tx.insert(signingKeys).values({ ...made, state: "active", activatedAt: sql`now()` });
}

/** Publishes a key that will sign later, unless one is waiting already. @returns the one that waits */
export async function insertPendingSigningKey(
  tx: Db,
  made: MadeKey,
  pendingSeconds: number,
): Promise<SigningKeyRow> {
  await tx.insert(signingKeys).values({ ...made, state: "pending", activateAt: inSeconds(pendingSeconds) })
    .onConflictDoNothing();
  const [pending] = await tx.select().from(signingKeys).where(eq(signingKeys.state, "pending"));
  if (pending === undefined) throw new Error("INSERT left no pending key");
  return pending;
}

/** Lets the pending key sign, if its time has come, and the active one verify only. @returns its kid, or null */
export async function promoteSigningKey(tx: Db): Promise<string | null> {
  const isDue = and(eq(signingKeys.state, "pending"), lte(signingKeys.activateAt, sql`now()`));
  const [due] = await tx.select({ kid: signingKeys.kid }).from(signingKeys).where(isDue);
  if (due === undefined) return null;
  await tx.update(signingKeys).set({ state: "retired", retiredAt: sql`now()` }).where(
    eq(signingKeys.state, "active"),
  );
  await tx.update(signingKeys).set({ state: "active", activatedAt: sql`now()` }).where(
    eq(signingKeys.kid, due.kid),
  );
  return due.kid;
}

/** Tells whether the active key has signed for so long that its successor must be published. */
export async function isRotationDue(
  tx: Db,
  { rotationSeconds, pendingSeconds }: KeyLifetimes,
): Promise<boolean> {
  const [row] = await tx.select({
    isDue: sql<boolean>`${signingKeys.activatedAt} <= ${inSeconds(pendingSeconds - rotationSeconds)}
      and not exists (select 1 from signing_keys where state = 'pending')`,
  }).from(signingKeys).where(eq(signingKeys.state, "active"));
  return row?.isDue ?? false;
}

/** Drops keys that no living token was signed with. @returns how many */
export async function dropRetiredSigningKeys(tx: Db, { retiredSeconds }: KeyLifetimes): Promise<number> {
  const dropped = await tx.delete(signingKeys)
    .where(and(eq(signingKeys.state, "retired"), lte(signingKeys.retiredAt, inSeconds(-retiredSeconds))))
    .returning({ kid: signingKeys.kid });
  return dropped.length;
}
