import { base64url, errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { CLOCK_TOLERANCE_SECONDS, RegisteredClaims, TOKEN_MAX_LENGTH } from "@watchword/shared";
import type { KeyRing } from "./key_ring.ts";

/** Who makes tokens, and for whom. */
export interface TokenParties {
  issuer: string;
  audience: string;
  clientId: string;
}

/** What a verified token says. `own` are the app's claims. */
export interface AccessTokenClaims {
  registered: RegisteredClaims;
  own: Record<string, unknown>;
}

/** The verdict on a bearer. `expired` is a genuine token past its time; anything else wrong is `invalid`. */
export type Verdict =
  | { status: "valid" | "expired"; claims: AccessTokenClaims }
  | { status: "invalid" };

/** Makes and checks access tokens (RFC 9068), signed with Ed25519 (RFC 9864) and nothing else. */
export interface AccessTokens {
  sign(claims: Omit<RegisteredClaims, "iss" | "aud" | "client_id" | "jti">): Promise<string>;
  verify(token: string, now: Date): Promise<Verdict>;
}

// jose accepts white space, padding and flipped unused bits in the signature; a token has exactly one
// spelling here, so that nothing can be said about one spelling that does not hold for the token.
const shape = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]$/;
const decoder = new TextDecoder("utf-8", { fatal: true });
const requiredClaims = Object.keys(RegisteredClaims.shape);

/** The `kid` of a header that is exactly `{ alg, typ, kid }`, or null. */
function readKid(token: string): string | null {
  try {
    const header: unknown = JSON.parse(decoder.decode(base64url.decode(token.slice(0, token.indexOf(".")))));
    if (typeof header !== "object" || header === null || Object.keys(header).length !== 3) return null;
    const { alg, typ, kid } = header as Record<string, unknown>;
    return alg === "Ed25519" && typ === "at+jwt" && typeof kid === "string" ? kid : null;
  } catch {
    return null;
  }
}

function parseClaims(payload: JWTPayload, now: Date): AccessTokenClaims | null {
  const registered = RegisteredClaims.safeParse(payload);
  if (!registered.success) return null;
  if (registered.data.iat > now.getTime() / 1000 + CLOCK_TOLERANCE_SECONDS) return null;
  const own = Object.entries(payload).filter(([name]) => !Object.hasOwn(RegisteredClaims.shape, name));
  return { registered: registered.data, own: Object.fromEntries(own) };
}

/** Builds signer and verifier over a ring of keys. */
export function createAccessTokens(keyRing: KeyRing, parties: TokenParties): AccessTokens {
  return {
    sign(claims) {
      const { kid, key } = keyRing.signingKey();
      const registered: RegisteredClaims = {
        ...claims,
        iss: parties.issuer,
        aud: parties.audience,
        client_id: parties.clientId,
        jti: crypto.randomUUID(),
      };
      return new SignJWT({ ...registered }).setProtectedHeader({ alg: "Ed25519", typ: "at+jwt", kid }).sign(key);
    },

    async verify(token, now) {
      if (token.length > TOKEN_MAX_LENGTH || !shape.test(token)) return { status: "invalid" };
      const kid = readKid(token);
      const key = kid === null ? null : keyRing.findVerifyingKey(kid);
      if (key === null) return { status: "invalid" };
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms: ["Ed25519"],
          typ: "at+jwt",
          issuer: parties.issuer,
          audience: parties.audience,
          requiredClaims,
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          currentDate: now,
        });
        const claims = parseClaims(payload, now);
        return claims ? { status: "valid", claims } : { status: "invalid" };
      } catch (error) {
        // jose looks at `exp` last, so this token was ours in every other respect.
        const claims = error instanceof errors.JWTExpired ? parseClaims(error.payload, now) : null;
        return claims ? { status: "expired", claims } : { status: "invalid" };
      }
    },
  };
}
