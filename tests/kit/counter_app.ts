import { z } from "zod";
import type { Auth } from "@watchword/server";

/** How often the procedures ran. */
export interface Runs {
  reads: number;
  adds: number;
}

/** An app with a protected query and a protected mutation that count how often they ran. */
export function createCounterApp(runs: Runs) {
  return ({ trpc, router, protectedProcedure, publicProcedure }: Auth) =>
    trpc.router({
      auth: router,
      open: publicProcedure.query(() => "anyone"),
      read: protectedProcedure.query(({ ctx }) => {
        runs.reads++;
        return ctx.auth.userId;
      }),
      add: protectedProcedure.input(z.object({ id: z.int() })).mutation(({ input }) => {
        runs.adds++;
        return input.id;
      }),
    });
}

/** The type to give a client of it. */
export type CounterApp = ReturnType<ReturnType<typeof createCounterApp>>;
