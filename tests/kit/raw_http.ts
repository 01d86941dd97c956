/** Sends bytes as they are over TCP and reads the answer, for what `fetch` refuses to send. */

/** An answer, read from the socket. */
export interface SocketAnswer {
  status: number;
  headers: Headers;
  text: string;
}

const encoder = new TextEncoder();
const GIVE_UP_AFTER_MS = 8_000;

/** Text or bytes to send, or milliseconds to wait before the next ones. */
export type RawPart = string | Uint8Array | number;

/**
 * Writes `parts` to the server and reads until it closes or the answer is complete.
 *
 * @returns status 0 when the server closed without an answer
 */
export async function sendRaw(origin: string, ...parts: RawPart[]): Promise<SocketAnswer> {
  const { hostname, port } = new URL(origin);
  const socket = await Deno.connect({ hostname, port: Number(port) });
  const timer = setTimeout(() => closeQuietly(socket), GIVE_UP_AFTER_MS);
  const state = { isAnswered: false };
  // A server that has heard enough closes its end, and what is still being written then fails.
  const writing = writeAll(socket, parts, state).catch(() => {});
  try {
    return await readAnswer(socket);
  } finally {
    state.isAnswered = true;
    clearTimeout(timer);
    closeQuietly(socket);
    await writing;
  }
}

async function writeAll(socket: Deno.Conn, parts: RawPart[], state: { isAnswered: boolean }): Promise<void> {
  for (const part of parts) {
    if (state.isAnswered) return;
    if (typeof part === "number") await new Promise((resolve) => setTimeout(resolve, part));
    else await writeWhole(socket, typeof part === "string" ? encoder.encode(part) : part);
  }
}

async function writeWhole(socket: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await socket.write(bytes.subarray(at));
}

async function readAnswer(socket: Deno.Conn): Promise<SocketAnswer> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let received = "";
  for (;;) {
    const count = await socket.read(buffer).catch(() => null);
    if (count === null) break;
    received += decoder.decode(buffer.subarray(0, count), { stream: true });
    if (isComplete(received)) break;
  }
  return parse(received);
}

function isComplete(received: string): boolean {
  const split = received.indexOf("\r\n\r\n");
  if (split < 0) return false;
  const { headers } = parse(received);
  const length = headers.get("content-length");
  const body = received.slice(split + 4);
  if (headers.get("transfer-encoding") === "chunked") return body.endsWith("0\r\n\r\n");
  return length !== null && encoder.encode(body).length >= Number(length);
}

function parse(received: string): SocketAnswer {
  const split = received.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = received.slice(0, Math.max(0, split)).split("\r\n");
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return {
    status: Number(statusLine.split(" ")[1] ?? 0),
    headers,
    text: split < 0 ? "" : received.slice(split + 4),
  };
}

function closeQuietly(socket: Deno.Conn): void {
  try {
    socket.close();
  } catch {
    // Closed already: by the server, or because the answer took too long.
  }
}

/** A request's head, as text. */
export function requestHead(method: string, target: string, headers: Record<string, string> = {}): string {
  const lines = Object.entries({ host: "127.0.0.1", ...headers }).map(([name, value]) =>
    `${name}: ${value}\r\n`
  );
  return `${method} ${target} HTTP/1.1\r\n${lines.join("")}connection: close\r\n\r\n`;
}
