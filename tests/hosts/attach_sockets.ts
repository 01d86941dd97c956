import type { Server } from "node:http";
import process from "node:process";
import { applyWSSHandler } from "@trpc/server/adapters/ws";
import type { Auth } from "@watchword/server";
// @ts-types="@types/ws"
import { WebSocketServer } from "ws";
import type { HostRouter } from "./host_app.ts";

/** RFC 6455 §7.4.1: a server going down. */
const GOING_AWAY = 1001;

interface SocketApp {
  auth: Auth;
  router: HostRouter;
  /** Where sockets are opened: an upgrade passes by what the host mounts. @default "/trpc" */
  path?: string;
}

/** Serves an app over WebSockets too, on the server of its host, which does not close while any is open. */
export function attachSockets(server: Server, { auth, router, path = "/trpc" }: SocketApp): void {
  const wss = new WebSocketServer({ server, path, maxPayload: 16 * 1024 });
  applyWSSHandler({ wss, router, createContext: auth.createWsContext });
  process.once("SIGTERM", () => {
    wss.close();
    for (const socket of wss.clients) socket.close(GOING_AWAY);
  });
}
