import type { Server } from "node:http";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { attachSockets } from "./attach_sockets.ts";
import { closeServer } from "./close_server.ts";
import { announce, createHostApp, stopOnSignal } from "./host_app.ts";

const { auth, router, handler } = await createHostApp();
const app = new Hono<{ Bindings: Parameters<typeof handler>[1] & object }>();
app.post("/echo", async (context) => context.json(await context.req.json()));
app.all("*", (context) => handler(context.req.raw, context.env));

const server = serve(
  { fetch: app.fetch, hostname: "127.0.0.1", port: 0, overrideGlobalObjects: false },
  ({ port }) => announce(port),
) as Server;
attachSockets(server, { auth, router });
stopOnSignal(auth, () => closeServer(server));
