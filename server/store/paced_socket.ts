import net from "node:net";
import { systemClock } from "../clock.ts";

/** What the driver passes of its options. */
interface Target {
  host: string[];
  port: number[];
  path?: string;
}

/** Where connections are opened, no more often than a server in trouble can bear. */
export type PacedSocket = (target: Target) => Promise<net.Socket>;

const SPACING_MS = 100;

/**
 * Builds the driver's `socket` option. The driver itself tries again without a pause when a server accepts and hangs
 * up, tens of thousands of times a minute; here, after a connection that brought nothing, attempts are spaced.
 */
export function createPacedSocket(): PacedSocket {
  let hasFailed = false;
  let nextAtMs = 0;
  let attempts = 0;

  async function waitForTurn(): Promise<void> {
    if (!hasFailed) return;
    const nowMs = systemClock.monotonicMs();
    const atMs = Math.max(nowMs, nextAtMs);
    nextAtMs = atMs + SPACING_MS;
    if (atMs > nowMs) await new Promise((resolve) => setTimeout(resolve, atMs - nowMs));
  }

  return async ({ host, port, path }) => {
    await waitForTurn();
    const socket = new net.Socket();
    let isEmpty = true;
    socket.once("data", () => {
      isEmpty = false;
      hasFailed = false;
    });
    socket.once("close", () => {
      if (isEmpty) hasFailed = true;
    });
    const which = attempts++ % host.length;
    const name = host[which] ?? "localhost";
    if (path) socket.connect(path);
    else socket.connect(port[which] ?? 5432, name);
    // The driver takes the name to check the server's certificate from here.
    return Object.assign(socket, { host: name });
  };
}
