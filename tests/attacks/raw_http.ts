import type { RawAnswer } from "../kit/app.ts";

const encoder = new TextEncoder();

interface RawRequest {
  method?: string;
  /** The target, byte for byte. */
  target: string;
  /** In this order, repeated if given twice; nothing is normalised. One character is one byte. */
  headers?: [name: string, value: string][];
  body?: string;
}

function toLatin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

async function readAll(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  for (;;) {
    // A server that refuses a head early resets the connection; what it said before that is the answer.
    const length = await connection.read(buffer).catch(() => null);
    if (length === null) return text + decoder.decode();
    text += decoder.decode(buffer.subarray(0, length), { stream: true });
  }
}

/** Sends what `fetch` would tidy up first: repeated headers, odd bytes, odd targets. */
export async function sendRaw(
  origin: string,
  { method = "GET", target, headers = [], body }: RawRequest,
): Promise<RawAnswer> {
  const { hostname, port, host } = new URL(origin);
  const lines = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, "Connection: close"];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (body !== undefined) lines.push(`Content-Length: ${encoder.encode(body).length}`);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  try {
    await writeAll(connection, toLatin1(`${lines.join("\r\n")}\r\n\r\n`)).catch(() => {});
    if (body !== undefined) await writeAll(connection, encoder.encode(body)).catch(() => {});
    return parseAnswer(await readAll(connection));
  } finally {
    connection.close();
  }
}

function parseAnswer(text: string): RawAnswer {
  const headEnd = text.indexOf("\r\n\r\n");
  const [statusLine = "", ...headerLines] = text.slice(0, Math.max(0, headEnd)).split("\r\n");
  const headers = new Headers();
  for (const line of headerLines) {
    headers.append(line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1));
  }
  const isChunked = headers.get("transfer-encoding") === "chunked";
  const body = isChunked ? joinChunks(text.slice(headEnd + 4)) : text.slice(headEnd + 4);
  const json = parseJson(body);
  return {
    status: Number(statusLine.split(" ")[1] ?? 0),
    headers,
    text: body,
    data: json?.result?.data,
    auth: json?.error?.data?.auth,
  };
}

function joinChunks(text: string): string {
  let joined = "";
  for (let at = 0; at < text.length;) {
    const lineEnd = text.indexOf("\r\n", at);
    const size = parseInt(text.slice(at, lineEnd), 16);
    if (!(size > 0)) break;
    joined += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
  return joined;
}

// deno-lint-ignore no-explicit-any -- tests look at whatever came
function parseJson(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
