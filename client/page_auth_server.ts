import {
  createTRPCClient,
  createTRPCUntypedClient,
  httpBatchLink,
  httpLink,
  type TRPCClient,
  type TRPCLink,
} from "@trpc/client";
import type { AnyTRPCRouter } from "@trpc/server";
import type { Me } from "@watchword/shared/contract";
import { BATCH_MAX_CALLS } from "@watchword/shared/limits";
import type { Reason } from "@watchword/shared/reasons";
import { bearerHeaders } from "./access.ts";
import { authReason } from "./auth_reason.ts";
import { findRefreshCookie, formatRefreshCookie } from "./page_cookies.ts";

/** Where the auth server is, and for which pages it is asked. */
export interface AuthServerOptions {
  /** The tRPC endpoint, as this server reaches it. */
  url: string | URL;
  /** The origin of the pages, one of the auth server's `ALLOWED_ORIGINS`. Never taken from a request. */
  origin: string;
  /** Where the auth router is mounted in the app's router; "" for the root. @default "auth" */
  mount?: string;
  /** That of the app's router, if it has one. */
  transformer?: unknown;
  fetch?: typeof fetch;
  /** For the calls to the auth router. @default 5000 */
  timeoutMs?: number;
}

/** What the auth server said. No reason and no data: it cannot be reached, or cannot tell. */
interface Answer<T> {
  data: T | null;
  reason: Reason | null;
}

type AnyLink = (options: object) => TRPCLink<AnyTRPCRouter>;

/** Calls the auth server from the server that renders the pages. */
export function connectAuthServer(options: AuthServerOptions) {
  const { url, origin, mount = "auth", transformer, timeoutMs = 5_000 } = options;
  const prefix = mount === "" ? "" : `${mount}.`;
  const fetchNow = options.fetch ?? fetch;
  // A cookie or a token must not follow a redirect to wherever it leads.
  const send: typeof fetch = (input, init) => fetchNow(input, { ...init, redirect: "error" });
  const sendInTime: typeof fetch = (input, init) =>
    send(input, { ...init, signal: AbortSignal.timeout(timeoutMs) });
  // The options depend on the router's transformer, which is unknown for a generic router.
  const [singleLink, batchLink] = [httpLink, httpBatchLink] as [AnyLink, AnyLink];

  // Alone: neither shares a batch with the app's calls.
  function connectAlone(headers: Record<string, string>, sendAlone: typeof fetch) {
    return createTRPCUntypedClient({ links: [singleLink({ url, transformer, headers, fetch: sendAlone })] });
  }

  return {
    /** Rotates the refresh token under the browser's name: with the header and the origin that its page would send. */
    async refresh(
      refreshToken: string,
      attemptId: string,
    ): Promise<Answer<unknown> & { refreshCookie: string | null }> {
      let refreshCookie: string | null = null;
      const headers = { "x-watchword-mode": "cookie", origin, cookie: formatRefreshCookie(refreshToken) };
      const client = connectAlone(headers, async (input, init) => {
        const response = await sendInTime(input, init);
        refreshCookie = findRefreshCookie(response.headers);
        return response;
      });
      const answer = await settle(client.mutation(`${prefix}refresh`, { attemptId }));
      return { ...answer, refreshCookie };
    },
    /** Asks who an access token belongs to, and whether it still holds. */
    async findMe(accessToken: string): Promise<Answer<Me>> {
      const client = connectAlone(bearerHeaders(accessToken), sendInTime);
      return await settle(client.query(`${prefix}me`)) as Answer<Me>;
    },
    /** The app's own calls. */
    createClient<R extends AnyTRPCRouter>(accessToken: string | null): TRPCClient<R> {
      const headers = bearerHeaders(accessToken);
      const link = batchLink({ url, transformer, headers, fetch: send, maxItems: BATCH_MAX_CALLS });
      return createTRPCClient<R>({ links: [link as TRPCLink<R>] });
    },
  };
}

async function settle(call: Promise<unknown>): Promise<Answer<unknown>> {
  try {
    return { data: await call, reason: null };
  } catch (error) {
    return { data: null, reason: authReason(error) };
  }
}
