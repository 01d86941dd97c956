import { AuthError } from "../auth_error.ts";
import type { RequestFacts } from "../request.ts";
import type { Context } from "../trpc.ts";
import { readClientAddress } from "./client_address.ts";
import { requireCookieMode } from "./csrf.ts";
import { createRefreshCookie } from "./refresh_cookie.ts";
import { type ConnectionInfo, readRemoteAddress } from "./remote_address.ts";

/** What the edge is told about its surroundings. */
export interface EdgeSettings {
  /** Exact browser origins, for CORS and for cookie mode. */
  allowedOrigins: ReadonlySet<string>;
  trustedProxyHops: number;
}

const USER_AGENT_MAX_LENGTH = 256;
// deno-lint-ignore no-control-regex -- these are what must not reach a log or a terminal
const controlCharacters = /[\u0000-\u001f\u007f-\u009f]/g;

/** Reads what is known of a request before anything is believed of it. */
export function readFacts(
  request: Request,
  info: ConnectionInfo | undefined,
  { trustedProxyHops }: EdgeSettings,
): RequestFacts {
  const { headers } = request;
  const userAgent = headers.get("user-agent")?.replace(controlCharacters, " ").slice(
    0,
    USER_AGENT_MAX_LENGTH,
  );
  const facts = {
    requestId: crypto.randomUUID(),
    userAgent: userAgent ?? null,
    ...readClientAddress(headers, readRemoteAddress(request, info), trustedProxyHops),
  };
  // Not enumerable: an app that answers or logs its `ctx.auth` as JSON gives no token away.
  return Object.defineProperty(facts as RequestFacts, "authorization", {
    value: headers.get("authorization"),
    writable: true,
  });
}

/** What tRPC's fetch adapter gives, and what a host may add. */
export interface CreateContextOptions {
  req: Request;
  /** Where the refresh cookie is set; without it there is no cookie mode. */
  resHeaders?: Headers;
  connection?: ConnectionInfo;
}

/**
 * Builds `createContext` for a fetch-style adapter of your own. It never throws for a bad token or a forged
 * request, because tRPC would answer that for every call of a batch: the procedures refuse.
 */
export function createContextFactory(settings: EdgeSettings): (options: CreateContextOptions) => Context {
  return ({ req, resHeaders, connection }) => {
    const request = readFacts(req, connection, settings);
    try {
      if (requireCookieMode(req.headers, settings.allowedOrigins) && resHeaders) {
        request.refreshCookie = createRefreshCookie(req.headers, resHeaders);
      }
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      request.refusal = error;
    }
    return { auth: { request } };
  };
}
