/** A token to send, and whose it is. */
export interface Access {
  readonly accessToken: string;
  readonly sessionId: string;
}

/** How a token travels (RFC 6750 §2.1). */
export const bearer = (accessToken: string): string => `Bearer ${accessToken}`;

/** The headers of a token; without one there are none. */
export function bearerHeaders(accessToken: string | null | undefined): Record<string, string> {
  return accessToken ? { authorization: bearer(accessToken) } : {};
}
