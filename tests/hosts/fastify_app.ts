import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import fastify from "fastify";
import { attachSockets } from "./attach_sockets.ts";
import { closeServer } from "./close_server.ts";
import { announce, createHostApp, stopOnSignal } from "./host_app.ts";

const { auth, router, handler } = await createHostApp();
const listener = getRequestListener(handler, { overrideGlobalObjects: false });
const app = fastify();
app.post("/echo", (request) => request.body);
app.register((scope, _options, done) => {
  // The handler reads bodies itself, within its bounds, so nothing here parses them first.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
  scope.all("/*", (request, reply) => {
    reply.hijack();
    return listener(request.raw, reply.raw);
  });
  done();
});

attachSockets(app.server, { auth, router });
await app.listen({ host: "127.0.0.1", port: 0 });
announce((app.server.address() as AddressInfo).port);
stopOnSignal(auth, () => closeServer(app.server));
