// The scheme in any case (RFC 9110 §11.1). Whatever follows it must be exactly one token; two headers arrive
// joined by a comma, which no token contains.
const bearerScheme = /^bearer(?:[ \t,]|$)/i;
const bearerCredentials = /^bearer +([^\s,]+)$/i;

/** What an `Authorization` header holds: one token, something of the scheme Bearer that is none, or another scheme. */
export type BearerCredentials = { status: "token"; token: string } | { status: "missing" | "invalid" };

/** Tells whether an `Authorization` header is of the scheme Bearer, whatever follows it. */
export function isBearer(authorization: string | null | undefined): authorization is string {
  return typeof authorization === "string" && bearerScheme.test(authorization);
}

/** Reads an `Authorization` header (RFC 6750 §2.1). */
export function readBearer(authorization: string | null | undefined): BearerCredentials {
  if (!isBearer(authorization)) return { status: "missing" };
  const token = bearerCredentials.exec(authorization)?.[1];
  return token === undefined ? { status: "invalid" } : { status: "token", token };
}
