import { AuthError, refuse } from "../auth_error.ts";

/** How much of a body is read, and for how long. */
export interface BodyLimits {
  maxBytes: number;
  deadlineMs: number;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a body of bounded size in bounded time.
 *
 * @throws BODY_TOO_LARGE | BODY_TOO_SLOW | INPUT_INVALID when it breaks off
 */
export async function readBody(
  { headers, body }: Request,
  { maxBytes, deadlineMs }: BodyLimits,
): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(headers.get("content-length") ?? 0) > maxBytes) throw refuse("BODY_TOO_LARGE");
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(refuse("BODY_TOO_SLOW")), deadlineMs);
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
    throw error instanceof AuthError ? error : refuse("INPUT_INVALID", { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Takes a body as JSON text; empty when there is none, which needs no type.
 *
 * @throws BODY_TYPE | INPUT_INVALID when it is not UTF-8
 */
export function requireJsonText({ headers }: Request, bytes: Uint8Array): string {
  if (bytes.length === 0) return "";
  const mediaType = headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") throw refuse("BODY_TYPE");
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw refuse("INPUT_INVALID", { cause });
  }
}

function joinChunks(chunks: Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
