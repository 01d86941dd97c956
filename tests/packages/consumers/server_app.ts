// What an app's own code looks like to the compiler, on the server's side.
import { createAuth } from "@watchword/server";
import { LoginInput } from "@watchword/shared";
import { z } from "zod";

export const auth = await createAuth({
  databaseUrl: "postgres://127.0.0.1/app",
  issuer: "https://app.example",
  keyEncryptionSecret: "x".repeat(32),
});

export const appRouter = auth.trpc.router({
  auth: auth.router,
  whoAmI: auth.protectedProcedure.query(({ ctx }) => ctx.auth.userId),
  add: auth.procedure({ auth: "required", maxAgeSeconds: 60 })
    .input(z.object({ title: z.string() }))
    .mutation(({ ctx, input }) => ({ by: ctx.auth.userId, title: input.title })),
});
export type AppRouter = typeof appRouter;

export const handle = auth.handler(appRouter);
export const isLogin = (value: unknown): boolean => LoginInput.safeParse(value).success;
