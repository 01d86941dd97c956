import { BODY_READ_DEADLINE_MS } from "@watchword/shared";
import { refuse } from "../auth_error.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a JSON body of bounded size in bounded time. No body needs no type.
 *
 * @returns the text, or null without a body
 * @throws BODY_TYPE | BODY_TOO_LARGE | BODY_TOO_SLOW | INPUT_INVALID
 */
export async function readJsonBody(request: Request, maxBytes: number): Promise<string | null> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > maxBytes) throw refuse("BODY_TOO_LARGE");
  const bytes = request.body === null ? new Uint8Array() : await readBytes(request.body, maxBytes);
  if (bytes.length === 0) return null;
  const mediaType = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") throw refuse("BODY_TYPE");
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw refuse("INPUT_INVALID", { cause });
  }
}

async function readBytes(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const reader = body.getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(refuse("BODY_TOO_SLOW")), BODY_READ_DEADLINE_MS);
  });
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), deadline]);
      if (done) return joinChunks(chunks, length);
      length += value.length;
      if (length > maxBytes) throw refuse("BODY_TOO_LARGE");
      chunks.push(value);
    }
  } catch (error) {
    reader.cancel().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function joinChunks(chunks: Uint8Array[], length: number): Uint8Array {
  const [first] = chunks;
  if (chunks.length === 1 && first) return first;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
