import type { Server } from "node:http";

const SWEEP_MS = 100;

/**
 * Stops listening and resolves when what is under way has been answered. Node by itself closes the connections that
 * are idle now, and waits for the keep-alive time of those that become idle later.
 */
export async function closeServer(server: Server): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  await new Promise((resolve) => server.close(resolve));
  clearInterval(sweep);
}
