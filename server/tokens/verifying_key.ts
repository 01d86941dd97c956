import type { CryptoKey as JoseKey } from "jose";

/** A key that verifies. Its identity changes with every reading in which the key changed. */
export interface VerifyingKey {
  kid: string;
  key: JoseKey;
}

/** Where the keys of a verification come from: our own store or the issuer's JWKS, and nowhere else (RFC 8725 §3.10). */
export interface VerifyingKeys {
  /**
   * A key by exact `kid`, or null. An unknown one causes a reading, at most one in 10 s.
   *
   * @throws when the keys are out of reach, so that nobody can know
   */
  findVerifyingKey(kid: string): Promise<VerifyingKey | null>;
  /** Tells whether a key may still be used without asking again. */
  holds(key: VerifyingKey): boolean;
}

const KID_MAX_LENGTH = 256;
// 32 bytes have one spelling in 43 characters.
const publicPoint = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

/** A public signing key as the JWKS has it (RFC 8037 §2), or null for a key of any other kind, or one with a private half. */
export function readPublicJwk(jwk: unknown): { kid: string; x: string } | null {
  if (typeof jwk !== "object" || jwk === null) return null;
  const { kty, crv, alg, use, kid, x, d } = jwk as Record<string, unknown>;
  if (kty !== "OKP" || crv !== "Ed25519" || alg !== "Ed25519" || use !== "sig" || d !== undefined) {
    return null;
  }
  if (typeof kid !== "string" || kid === "" || kid.length > KID_MAX_LENGTH) return null;
  return typeof x === "string" && publicPoint.test(x) ? { kid, x } : null;
}

/** Makes a key for verifying from its public point. */
export async function importVerifyingKey({ kid, x }: { kid: string; x: string }): Promise<VerifyingKey> {
  const jwk = { kty: "OKP", crv: "Ed25519", x };
  return { kid, key: await crypto.subtle.importKey("jwk", jwk, { name: "Ed25519" }, false, ["verify"]) };
}
