import type { AuthError } from "./auth_error.ts";
import type { Caller } from "./tokens/caller.ts";

/** The refresh cookie of a request in cookie mode. */
export interface RefreshCookie {
  /** Not enumerable: it is in no JSON of this. */
  readonly value: string | null;
  set(token: string, maxAgeSeconds: number): void;
  clear(): void;
}

/** What is known of a request before anything is believed of it. */
export interface RequestFacts {
  requestId: string;
  /** The `Authorization` header as it came. Not enumerable: it is in no JSON of this. */
  authorization: string | null;
  /** The client's address, from the socket or the trusted proxies. */
  ip: string | null;
  /** The client's network: the IPv4 address, or the IPv6 /64. Limits are kept by it. */
  network: string;
  /** At most 256 characters, without control characters. */
  userAgent: string | null;
  /** Set in cookie mode: the refresh token travels in it, and in no body. */
  refreshCookie?: RefreshCookie;
  /** Set for a WebSocket, whose calls share these facts: how many of Watchword's own are under way. */
  socket?: { ownCalls: number };
  /** Set when the request itself is not to be believed; every procedure answers it. */
  refusal?: AuthError;
}

/** `ctx.auth` as `createContext` makes it: nothing is verified yet. */
export interface AuthRequest {
  readonly request: RequestFacts;
}

/** `ctx.auth` in a protected procedure. `Claims` are the app's own. */
export interface Identity<Claims = Readonly<Record<string, unknown>>> extends AuthRequest, Caller<Claims> {}
