import { untilAborted } from "./auth_api.ts";
import { readAuthErrorData } from "./auth_reason.ts";
import type { Access } from "./access.ts";
import type { Session } from "./session.ts";

interface AuthFetchOptions {
  session: Session;
  fetch: typeof fetch;
  /** The only origin that is ever given a token. */
  origin: string;
}

/** Reads the reason of a refusal, of a tRPC error or of a problem document (RFC 9457). */
async function isTokenRefused(response: Response): Promise<boolean> {
  if (response.status !== 401) return false;
  const body = await response.clone().json().catch(() => null);
  const { reason, executed } = readAuthErrorData(body?.error) ?? Object(body);
  return /^TOKEN_/.test(reason) && !executed;
}

/**
 * `fetch` with the access token, for other calls to the same API. A call whose token was refused in front of its
 * code is sent once more, if its body can be. A relative URL is the API's. Other origins are never given the token.
 */
export function createAuthFetch({ session, fetch, origin }: AuthFetchOptions): typeof globalThis.fetch {
  return async (input, init) => {
    // Of whatever class: what is judged here is what is sent.
    const isRequest = typeof input === "object" && "url" in input;
    const url = new URL(isRequest ? input.url : input, origin);
    if (url.origin !== origin) return await fetch(input, init);

    const send = (access: Access | null): Promise<Response> => {
      const headers = new Headers(init?.headers ?? (isRequest ? input.headers : {}));
      if (access !== null) headers.set("authorization", `Bearer ${access.accessToken}`);
      return fetch(isRequest ? input.clone() : url, { ...init, headers });
    };
    const signal = init?.signal ?? (isRequest ? input.signal : undefined);
    if (signal?.aborted) throw signal.reason;
    const { epoch } = session;
    const access = session.peek() ?? await untilAborted(session.acquire(), signal);
    const response = await send(access);
    const isSpent = Symbol.asyncIterator in Object(init?.body);
    if (access === null || isSpent || !await isTokenRefused(response)) return response;
    const next = await untilAborted(session.acquire(access), signal);
    return next === null || epoch !== session.epoch ? response : await send(next);
  };
}
