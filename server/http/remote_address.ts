/**
 * What a host knows of a connection, as it passes it beside the request: `Deno.serve`, a bridge for Node's `http`
 * (`@hono/node-server`), or `Bun.serve`.
 */
export type ConnectionInfo =
  | { remoteAddr?: { hostname?: string } | undefined }
  | { incoming: { socket: { remoteAddress?: string | undefined } } }
  | { requestIP(request: Request): { address: string } | null };

/** The address at the other end of the socket; null when the host does not tell. */
export function readRemoteAddress(request: Request, info: ConnectionInfo | undefined): string | null {
  if (info === undefined) return null;
  if ("requestIP" in info) return info.requestIP(request)?.address ?? null;
  if ("incoming" in info) return info.incoming.socket.remoteAddress ?? null;
  return info.remoteAddr?.hostname ?? null;
}
