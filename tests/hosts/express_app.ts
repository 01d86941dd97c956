import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import { attachSockets } from "./attach_sockets.ts";
import { closeServer } from "./close_server.ts";
import { announce, createHostApp, stopOnSignal } from "./host_app.ts";

const { auth, router, handler } = await createHostApp();
const app = express();
// Before any body parser: the handler reads bodies itself, within its bounds.
app.use("/api", getRequestListener(handler, { overrideGlobalObjects: false }));
app.use(express.json());
app.post("/echo", (request: { body: unknown }, response: { json(value: unknown): void }) => {
  response.json(request.body);
});

const server = app.listen(0, "127.0.0.1", () => announce((server.address() as AddressInfo).port));
attachSockets(server, { auth, router, path: "/api/trpc" });
stopOnSignal(auth, () => closeServer(server));
