import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { attachSockets } from "./attach_sockets.ts";
import { closeServer } from "./close_server.ts";
import { announce, createHostApp, stopOnSignal } from "./host_app.ts";

const { auth, router, handler } = await createHostApp();
const server = createServer(getRequestListener(handler, { overrideGlobalObjects: false }));
attachSockets(server, { auth, router });
server.listen(0, "127.0.0.1", () => announce((server.address() as AddressInfo).port));
stopOnSignal(auth, () => closeServer(server));
