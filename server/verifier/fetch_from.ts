/** How a service is asked. */
export interface FetchOptions {
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  signal: AbortSignal;
  headers: Record<string, string>;
}

/** Gets a 200 answer. Redirects are not followed: keys and revocations come from the address that was configured. */
export async function fetchFrom(url: string, { fetch, signal, headers }: FetchOptions): Promise<Response> {
  const response = await fetch(url, { headers, signal, redirect: "manual", credentials: "omit" });
  if (response.status === 200) return response;
  await response.body?.cancel().catch(() => {});
  throw new Error(`${url} answered with ${response.status || "a redirect"}`);
}

/** Pieces of a body, as text. @throws when it has more than `maxBytes` */
export async function* readText(
  { body }: Response,
  { maxBytes = Infinity }: { maxBytes?: number } = {},
): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let bytes = 0;
  for await (const piece of body ?? []) {
    bytes += piece.length;
    if (bytes > maxBytes) throw new Error("too long an answer");
    yield decoder.decode(piece, { stream: true });
  }
}
