const base64url = (bytes: readonly number[]): string =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

// The tokens protect nothing, so they need no more than not to meet.
const randomBytes = (length: number): number[] =>
  Array.from({ length }, () => Math.floor(Math.random() * 256));

const toBytes = (text: string): number[] => Array.from(new TextEncoder().encode(text));
const segment = (value: unknown): string => base64url(toBytes(JSON.stringify(value)));

/** A random id of the shape of a UUID (RFC 9562 §5.4). */
export function makeId(): string {
  const hex = randomBytes(16).map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${
    hex.slice(20)
  }`;
}

/** A text of the shape of an access token. Its payload can be read; its signature is noise. */
export function makeAccessToken(claims: Record<string, unknown>): string {
  const header = { alg: "Ed25519", typ: "at+jwt", kid: "fake" };
  return `${segment(header)}.${segment(claims)}.${base64url(randomBytes(64))}`;
}

/** A text of the shape of a refresh token: 92 characters. */
export function makeRefreshToken(): string {
  return base64url([1, ...randomBytes(68)]);
}
