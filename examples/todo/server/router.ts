import { TRPCError } from "@trpc/server";
import { and, eq } from "drizzle-orm";
import type { PostgresJsDatabase } from "drizzle-orm/postgres-js";
import { z } from "zod";
import type { Auth } from "@watchword/server";
import { todos } from "./schema.ts";

const Title = z.string().trim().min(1).max(200);
const Id = z.strictObject({ id: z.uuid() });

/** The app's router, with the auth router beside its own procedures. */
export function createTodoRouter(
  { trpc, router, procedure, protectedProcedure }: Auth,
  db: PostgresJsDatabase,
) {
  // Every statement names the owner, so nobody reaches what is somebody else's.
  const isOf = (ownerId: string) => eq(todos.ownerId, ownerId);
  const isTodoOf = (ownerId: string, id: string) => and(isOf(ownerId), eq(todos.id, id));

  function requireFound(rows: unknown[]): void {
    if (rows.length === 0) throw new TRPCError({ code: "NOT_FOUND", message: "This todo is gone" });
  }

  return trpc.router({
    auth: router,
    todo: {
      list: protectedProcedure.query(({ ctx: { auth } }) =>
        db.select({ id: todos.id, title: todos.title, isDone: todos.isDone }).from(todos)
          .where(isOf(auth.userId)).orderBy(todos.createdAt, todos.id)
      ),
      add: protectedProcedure.input(z.strictObject({ title: Title })).mutation(
        async ({ ctx: { auth }, input: { title } }) => {
          await db.insert(todos).values({ ownerId: auth.userId, title });
        },
      ),
      setDone: protectedProcedure.input(Id.extend({ isDone: z.boolean() })).mutation(
        async ({ ctx: { auth }, input: { id, isDone } }) =>
          requireFound(
            await db.update(todos).set({ isDone }).where(isTodoOf(auth.userId, id)).returning({
              id: todos.id,
            }),
          ),
      ),
      remove: protectedProcedure.input(Id).mutation(async ({ ctx: { auth }, input: { id } }) =>
        requireFound(await db.delete(todos).where(isTodoOf(auth.userId, id)).returning({ id: todos.id }))
      ),
      // Whoever finds an unlocked laptop cannot do this one: it asks for the password of five minutes ago or newer.
      removeAll: procedure({ auth: "required", revocation: "strict", maxAgeSeconds: 300 }).mutation(
        async ({ ctx: { auth } }) => {
          await db.delete(todos).where(isOf(auth.userId));
        },
      ),
    },
  });
}

/** The type that the page's client is given. */
export type TodoRouter = ReturnType<typeof createTodoRouter>;
