// deno-lint-ignore-file no-console -- an example talks to its reader
import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/postgres-js";
import { Hono } from "hono";
import { serveStatic } from "hono/deno";
import { secureHeaders } from "hono/secure-headers";
import postgres from "postgres";
import { createAuth } from "@watchword/server";
import { requireSetting } from "./require_setting.ts";
import { createTodoRouter } from "./router.ts";

const databaseUrl = requireSetting("DATABASE_URL");
/** Where browsers see the app. In development that is Vite, which passes calls on to here. */
const origin = Deno.env.get("ORIGIN") ?? "http://localhost:5173";

const auth = await createAuth({
  databaseUrl,
  issuer: origin,
  keyEncryptionSecret: requireSetting("KEY_ENCRYPTION_SECRET"),
  // The page keeps its refresh token in a cookie, which is taken from this origin only.
  allowedOrigins: [origin],
});
const sql = postgres(databaseUrl);
const handle = auth.handler(createTodoRouter(auth, drizzle(sql)));

const app = new Hono<{ Bindings: Deno.ServeHandlerInfo<Deno.NetAddr> }>();
for (const path of ["/trpc/*", "/health/*"]) app.all(path, ({ req, env }) => handle(req.raw, env));
app.use(secureHeaders({ contentSecurityPolicy: { defaultSrc: ["'self'"], imgSrc: ["'self'", "data:"] } }));
app.use(serveStatic({ root: fileURLToPath(new URL("../dist", import.meta.url)) }));

const server = Deno.serve({
  hostname: "127.0.0.1",
  port: Number(Deno.env.get("PORT") ?? 8000),
  onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
}, app.fetch);

Deno.addSignalListener("SIGTERM", async () => {
  auth.drain();
  await server.shutdown();
  await auth.close();
  await sql.end();
  Deno.exit();
});
