/** A token to send, and whose it is. */
export interface Access {
  readonly accessToken: string;
  readonly sessionId: string;
}

/** How a token travels (RFC 6750 §2.1); without one nothing does. */
export function bearerHeaders(accessToken: string | null | undefined): Record<string, string> {
  return accessToken ? { authorization: `Bearer ${accessToken}` } : {};
}
