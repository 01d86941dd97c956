import { eq, sql } from "drizzle-orm";
import type { Db } from "./connect.ts";
import { signingKeys } from "./schema.ts";

/** A row of `signing_keys`. */
export type SigningKeyRow = typeof signingKeys.$inferSelect;

// Any fixed numbers do, as long as nothing else in the database uses them.
const ADVISORY_LOCK = sql`pg_advisory_xact_lock(7239, 1)`;

/** Every key that may still sign or verify. */
export async function listSigningKeys(db: Db): Promise<SigningKeyRow[]> {
  return await db.select().from(signingKeys);
}

/** Adds the first key, unless another instance was faster. */
export async function ensureActiveSigningKey(
  tx: Db,
  made: Pick<SigningKeyRow, "kid" | "alg" | "publicJwk" | "privateEncrypted">,
): Promise<void> {
  await tx.execute(sql`select ${ADVISORY_LOCK}`);
  const [active] = await tx.select({ kid: signingKeys.kid }).from(signingKeys).where(eq(signingKeys.state, "active"));
  if (active) return;
  await tx.insert(signingKeys).values({ ...made, state: "active", activatedAt: sql`now()` });
}
