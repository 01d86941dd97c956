/** What an attempt id looks like: the last of its 22 letters holds two bits. */
export const attemptIdPattern = /^[A-Za-z0-9_-]{21}[AQgw]$/;

/** Makes an attempt id: 16 random bytes as base64url. */
export function makeAttemptId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").slice(0, 22);
}
