/** What is known of a request before anything is believed of it. */
export interface RequestFacts {
  requestId: string;
  /** The `Authorization` header as it came. */
  authorization: string | null;
  /** The client's address, from the socket or the trusted proxies. */
  ip: string | null;
  /** The client's network: the IPv4 address, or the IPv6 /64. Limits are kept by it. */
  network: string;
  /** At most 256 characters, without control characters. */
  userAgent: string | null;
}

/** `ctx.auth` as `createContext` makes it: nothing is verified yet. */
export interface AuthRequest {
  readonly request: RequestFacts;
}

/** `ctx.auth` in a protected procedure. */
export interface Identity extends AuthRequest {
  readonly userId: string;
  readonly sessionId: string;
  readonly roles: readonly string[];
  /** When the user last proved who they are. */
  readonly authenticatedAt: Date;
  /** How (RFC 8176). */
  readonly amr: readonly string[];
  /** The app's own claims. */
  readonly claims: Readonly<Record<string, unknown>>;
}
