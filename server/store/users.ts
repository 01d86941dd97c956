import { and, eq, isNull, or, sql } from "drizzle-orm";
import type { Db } from "./connect.ts";
import { users } from "./schema.ts";

/** A row of `users`. */
export type UserRow = typeof users.$inferSelect;

/** Adds a user; null when an identifier is taken, however many race for it. */
export async function insertUser(
  db: Db,
  user: Pick<UserRow, "id" | "email" | "username" | "passwordHash">,
): Promise<UserRow | null> {
  const [row] = await db.insert(users).values(user).onConflictDoNothing().returning();
  return row ?? null;
}

/** Finds a user by canonical e-mail address or user name. */
export async function findUserByIdentifier(db: Db, identifier: string): Promise<UserRow | null> {
  const column = identifier.includes("@") ? users.email : users.username;
  const [row] = await db.select().from(users).where(eq(column, identifier));
  return row ?? null;
}

/** Finds a user by id. */
export async function findUserById(db: Db, userId: string): Promise<UserRow | null> {
  const [row] = await db.select().from(users).where(eq(users.id, userId));
  return row ?? null;
}

/**
 * Locks the user against a change of password, disabling and deletion until the transaction ends, and checks
 * that what was verified still holds. Sign-ins of one user follow each other, so that the cap on sessions counts
 * them all.
 */
export async function lockVerifiedUser(
  tx: Db,
  user: { id: string; passwordHash: string },
): Promise<UserRow | null> {
  const [row] = await tx.select().from(users)
    .where(and(eq(users.id, user.id), eq(users.passwordHash, user.passwordHash), isNull(users.disabledAt)))
    .for("no key update");
  return row ?? null;
}

/** Locks the user row for a change. */
export async function lockUser(tx: Db, userId: string): Promise<UserRow | null> {
  const [row] = await tx.select().from(users).where(eq(users.id, userId)).for("update");
  return row ?? null;
}

/** Replaces a password hash that is still the one that was read. */
export async function replacePasswordHash(db: Db, userId: string, from: string, to: string): Promise<void> {
  await db.update(users).set({ passwordHash: to }).where(
    and(eq(users.id, userId), eq(users.passwordHash, from)),
  );
}

/** Raises the epoch, which ends every session of the user; returns the new one. */
export async function raiseTokenEpoch(tx: Db, userId: string): Promise<number | null> {
  const [row] = await tx.update(users).set({ tokenEpoch: sql`${users.tokenEpoch} + 1` })
    .where(eq(users.id, userId)).returning({ epoch: users.tokenEpoch });
  return row?.epoch ?? null;
}

/** Tells whether an identifier is in use. Saves a hash; the unique index is what decides. */
export async function isIdentifierTaken(
  db: Db,
  { email, username }: { email: string | null; username: string | null },
): Promise<boolean> {
  const [row] = await db.select({ id: users.id }).from(users).where(
    or(
      email === null ? undefined : eq(users.email, email),
      username === null ? undefined : eq(users.username, username),
    ),
  ).limit(1);
  return row !== undefined;
}
