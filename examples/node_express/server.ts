// deno-lint-ignore-file no-console -- an example talks to its reader
import process from "node:process";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import { createAuth, migrate } from "@watchword/server";

const { DATABASE_URL = "", KEY_ENCRYPTION_SECRET = "", PORT = "3000" } = process.env;
const origin = `http://127.0.0.1:${PORT}`;

await migrate(DATABASE_URL);
const auth = await createAuth({
  databaseUrl: DATABASE_URL,
  issuer: origin,
  keyEncryptionSecret: KEY_ENCRYPTION_SECRET,
});

const appRouter = auth.trpc.router({
  auth: auth.router,
  greeting: auth.protectedProcedure.query(({ ctx }) => `Hello, ${ctx.auth.userId}`),
});

/** The type to give a client. */
export type AppRouter = typeof appRouter;

const app = express();
// Before any body parser: the handler reads bodies itself, within its bounds.
app.use("/api", getRequestListener(auth.handler(appRouter), { overrideGlobalObjects: false }));
app.use(express.json());
app.get("/", (_request: unknown, response: { send(text: string): void }) => response.send("An Express app"));

const server = app.listen(Number(PORT), "127.0.0.1", () => console.log(`listening on ${origin}`));

process.once("SIGTERM", () => {
  auth.drain();
  server.close(() => auth.close());
});
