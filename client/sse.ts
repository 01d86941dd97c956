/**
 * Subscriptions over server-sent events, each connection with a fresh token in its header.
 *
 * @module
 */
import { httpSubscriptionLink, type TRPCLink } from "@trpc/client";
import type { AnyTRPCRouter } from "@trpc/server";
import { authClientError } from "./auth_client_error.ts";
import type { SubscriptionLink } from "./create_auth_client.ts";
import { bearerHeaders } from "./access.ts";
import type { Auth } from "./create_session.ts";
import { FetchEventSource } from "./fetch_event_source.ts";
import { findOwner } from "./find_owner.ts";

/** To be spread into `httpSubscriptionLink`. */
export interface SseOptions {
  EventSource: typeof FetchEventSource;
  eventSourceOptions: () => { fetch: typeof fetch };
}

/**
 * Makes `httpSubscriptionLink` send a fresh `Authorization` header with every connection, with those too that an
 * EventSource makes by itself. Nothing of it is in a URL. A connection that is answered 401, by a proxy too, is made
 * once more with a renewed token. A stream whose user has signed out, or is another one by now, is not connected
 * again; one that began without a session never carries a token.
 *
 * @example
 * ```ts ignore
 * splitLink({
 *   condition: ({ type }) => type === "subscription",
 *   true: httpSubscriptionLink({ url, ...sse(auth) }),
 *   false: httpBatchLink({ url, ...auth.http() }),
 * });
 * ```
 */
export function sse(auth: Auth, options: { fetch?: typeof fetch } = {}): SseOptions {
  function createStreamFetch(): typeof fetch {
    let owner: string | undefined;

    async function send(url: string, init: RequestInit, force: boolean): Promise<Response> {
      const token = await auth.getAccessToken({ force });
      const present = findOwner(auth.state);
      owner ??= present;
      if (owner && owner !== present) throw authClientError("session_changed");
      const headers = {
        ...init.headers as Record<string, string>,
        ...bearerHeaders(owner && token),
      };
      const response = await (options.fetch ?? fetch)(url, { ...init, headers });
      if (response.status !== 401 || force || !owner) return response;
      await response.body?.cancel();
      // Another stream may have been refused before, and have renewed it.
      return await send(url, init, await auth.getAccessToken() === token);
    }

    return (url, init = {}) => send(String(url), init, false);
  }

  return { EventSource: FetchEventSource, eventSourceOptions: () => ({ fetch: createStreamFetch() }) };
}

/**
 * Lets the subscriptions of `createAuthClient` travel as server-sent events.
 *
 * @example
 * ```ts ignore
 * createAuthClient<AppRouter>({ url, subscriptions: sseSubscriptions() });
 * ```
 */
export function sseSubscriptions(): SubscriptionLink {
  // The options depend on the router's transformer, which is unknown for a generic router.
  const link = httpSubscriptionLink as (options: object) => TRPCLink<AnyTRPCRouter>;
  return (auth, { url, fetch, transformer }) => link({ url, transformer, ...sse(auth, { fetch }) });
}
