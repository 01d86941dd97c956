import { initTRPC, TRPCError } from "@trpc/server";
import superjson from "superjson";
import { z } from "zod";
import { type Auth, type Context, mountAuth } from "@watchword/server";

/** What this app's procedures find in `ctx` beside `auth`. */
export interface Tenant {
  tenant: string;
}

/** An app with a tRPC root of its own: context, transformer, and a formatter that throws `data` away. */
export function createNestedApp(auth: Auth) {
  const t = initTRPC.context<Context & Tenant>().create({
    transformer: superjson,
    errorFormatter: ({ shape, error }) => ({
      code: shape.code,
      message: `formatted: ${error.code}`,
      data: { code: error.code, httpStatus: shape.data.httpStatus, isFormatted: true as const },
    }),
  });
  const protectedProcedure = t.procedure.concat(auth.protectedProcedure);

  return t.router({
    auth: mountAuth(t, auth.router),
    tomorrow: t.procedure.input(z.date()).query(({ input }) => new Date(input.getTime() + 86_400_000)),
    whoami: protectedProcedure.query(({ ctx }) => ({
      tenant: ctx.tenant,
      userId: ctx.auth.userId,
      authenticatedAt: ctx.auth.authenticatedAt,
    })),
    rename: protectedProcedure.input(z.object({ at: z.date() })).mutation(({ ctx, input }) => ({
      by: ctx.auth.userId,
      at: input.at,
    })),
    count: protectedProcedure.query(async function* () {
      for (const step of [1, 2]) yield await Promise.resolve(new Date(step));
    }),
    ticks: protectedProcedure.subscription(async function* ({ signal }) {
      while (!signal?.aborted) {
        yield "tick";
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }),
    full: protectedProcedure.query((): string => {
      throw new TRPCError({ code: "CONFLICT", message: "the app is full" });
    }),
    broken: t.procedure.concat(auth.publicProcedure).query((): string => {
      throw new Error("sk-secret");
    }),
  });
}

/** The type to give a client of it. */
export type NestedApp = ReturnType<typeof createNestedApp>;
