import { type Access, bearer } from "./access.ts";
import { isTokenReason, readAuthErrorData } from "./auth_reason.ts";
import { limit } from "./limit.ts";
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
  return isTokenReason(reason) && !executed;
}

/**
 * `fetch` with the access token, for other calls to the same API. A call whose token was refused in front of its
 * code is sent once more, if its body can be. A relative URL is the API's. Other origins are never given the token.
 */
export function createAuthFetch({ session, fetch, origin }: AuthFetchOptions): typeof globalThis.fetch {
  return async (input, init) => {
    // Of whatever class: what is judged here is what is sent.
    const request = typeof input === "object" && "url" in input ? input : null;
    const url = new URL(request?.url ?? String(input), origin);
    if (url.origin !== origin) return await fetch(input, init);

    const send = (access: Access | null): Promise<Response> => {
      const headers = new Headers(init?.headers ?? request?.headers);
      if (access) headers.set("authorization", bearer(access.accessToken));
      return fetch(request?.clone() ?? url, { ...init, headers });
    };
    const signals = [init?.signal ?? request?.signal];
    const { epoch } = session;
    const access = await limit(() => session.peek() ?? session.acquire(), { signals });
    if (epoch !== session.epoch) throw session.epochError();
    const response = await send(access);
    const isSpent = Symbol.asyncIterator in Object(init?.body);
    if (!access || isSpent || !await isTokenRefused(response)) return response;
    const next = await limit(() => session.acquire(access), { signals });
    return next && epoch === session.epoch ? await send(next) : response;
  };
}
