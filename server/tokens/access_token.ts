import { base64url, type errors, jwtVerify, SignJWT } from "jose";
import type { RegisteredClaims } from "@watchword/shared";
import { CLOCK_TOLERANCE_SECONDS, TOKEN_MAX_LENGTH } from "@watchword/shared/limits";
import type { KeyRing } from "./key_ring.ts";
import type { OwnClaimsCodec } from "./own_claims.ts";
import { type AccessTokenClaims, parseClaims, registeredClaimNames } from "./parse_claims.ts";
import type { VerifyingKey, VerifyingKeys } from "./verifying_key.ts";

/** Who makes tokens, and for whom. */
export interface TokenParties {
  issuer: string;
  audience: string;
  clientId: string;
}

/**
 * Takes only an issuer and an audience that hold: what jose is not given it does not check.
 *
 * @throws TypeError when one of them is missing or empty
 */
export function requireParties<Parties extends Pick<TokenParties, "issuer" | "audience">>(
  parties: Parties,
): Parties {
  for (const name of ["issuer", "audience"] as const) {
    if (!parties[name]) throw new TypeError(`${name} is required`);
  }
  return parties;
}

/**
 * The verdict on a bearer. `expired` is a genuine token past its time, `outdated` one whose own claims do not fit
 * the app's present schema; anything else wrong is `invalid`.
 */
export type Verdict =
  | { status: "valid" | "expired" | "outdated"; claims: AccessTokenClaims }
  | { status: "invalid" };

/** Checks access tokens (RFC 9068), signed with Ed25519 (RFC 9864) and nothing else. */
export interface TokenVerifier {
  /** @throws what the keys throw when they are out of reach */
  verify(token: string, now: Date): Promise<Verdict>;
}

/** Makes access tokens, and checks them. */
export interface AccessTokens extends TokenVerifier {
  sign(claims: Omit<RegisteredClaims, "iss" | "aud" | "client_id" | "jti">): Promise<string>;
}

interface TokenVerifierDeps {
  keys: VerifyingKeys;
  parties: Pick<TokenParties, "issuer" | "audience">;
  ownClaims: Pick<OwnClaimsCodec, "parse">;
}

interface Verified {
  key: VerifyingKey;
  claims: AccessTokenClaims;
}

// jose accepts white space, padding and flipped unused bits in the signature; a token has exactly one
// spelling here, so that nothing can be said about one spelling that does not hold for the token.
const shape = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]$/;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const pollutingNames = ["__proto__", "constructor", "prototype"];
/** About 10 MB at the most. */
const CACHE_MAX = 8_192;

/**
 * Reads a segment that is spelt as this service spells it: no spare bits, no byte order mark, no member twice, no
 * number that JSON cannot hold. Null for any other spelling.
 */
function readSegment(segment: string): Record<string, unknown> | null {
  try {
    const bytes = base64url.decode(segment);
    const text = decoder.decode(bytes);
    const value: unknown = JSON.parse(text);
    const isOurs = base64url.encode(bytes) === segment && JSON.stringify(value) === text;
    return isOurs && typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Record<string, unknown>
      : null;
  } catch {
    return null;
  }
}

/** The `kid` of a token whose header is exactly `{ alg, typ, kid }` and whose spelling is ours, or null. */
function readKid(token: string): string | null {
  const [headerSegment = "", payloadSegment = ""] = token.split(".");
  const header = readSegment(headerSegment);
  const payload = readSegment(payloadSegment);
  if (header === null || payload === null || Object.keys(header).length !== 3) return null;
  if (Object.keys(payload).some((name) => pollutingNames.includes(name))) return null;
  const { alg, typ, kid } = header;
  return alg === "Ed25519" && typ === "at+jwt" && typeof kid === "string" ? kid : null;
}

// By its code: the class itself would bring all of jose's errors into a verifier's bundle.
function isExpired(error: unknown): error is errors.JWTExpired {
  return error instanceof Error && "code" in error && error.code === "ERR_JWT_EXPIRED";
}

/** Judges by time and by the app's schema what was found genuine. */
function judge(claims: AccessTokenClaims, ownClaims: Pick<OwnClaimsCodec, "parse">, now: Date): Verdict {
  const { iat, exp } = claims.registered;
  const nowSeconds = now.getTime() / 1_000;
  if (iat > nowSeconds + CLOCK_TOLERANCE_SECONDS) return { status: "invalid" };
  if (exp <= nowSeconds - CLOCK_TOLERANCE_SECONDS) return { status: "expired", claims };
  const own = ownClaims.parse(claims.own);
  return own === null ? { status: "outdated", claims } : { status: "valid", claims: { ...claims, own } };
}

/** Builds the one strict verification, for the service over its ring of keys and for others over its JWKS. */
export function createTokenVerifier({ keys, parties, ownClaims }: TokenVerifierDeps): TokenVerifier {
  // Keyed by the whole token. Time, key and schema are judged anew at every hit, revocation by the guard.
  const cache = new Map<string, Verified>();

  function remember(token: string, verified: Verified): void {
    const oldest = cache.size >= CACHE_MAX ? cache.keys().next().value : undefined;
    if (oldest !== undefined) cache.delete(oldest);
    cache.set(token, verified);
  }

  async function verifySignature(
    token: string,
    key: VerifyingKey,
    now: Date,
  ): Promise<AccessTokenClaims | null> {
    try {
      const { payload } = await jwtVerify(token, key.key, {
        algorithms: ["Ed25519"],
        typ: "at+jwt",
        issuer: parties.issuer,
        audience: parties.audience,
        requiredClaims: registeredClaimNames,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: now,
      });
      return parseClaims(payload);
    } catch (error) {
      // jose looks at `exp` last, so this token was ours in every other respect.
      return isExpired(error) ? parseClaims(error.payload) : null;
    }
  }

  return {
    async verify(token, now) {
      const known = cache.get(token);
      if (known !== undefined && keys.holds(known.key)) return judge(known.claims, ownClaims, now);
      if (token.length > TOKEN_MAX_LENGTH || !shape.test(token)) return { status: "invalid" };
      const kid = readKid(token);
      const key = kid === null ? null : await keys.findVerifyingKey(kid);
      const claims = key === null ? null : await verifySignature(token, key, now);
      if (key === null || claims === null) return { status: "invalid" };
      remember(token, { key, claims });
      return judge(claims, ownClaims, now);
    },
  };
}

/** Builds signer and verifier over a ring of keys. */
export function createAccessTokens(
  { keyRing, parties, ownClaims }: { keyRing: KeyRing; parties: TokenParties; ownClaims: OwnClaimsCodec },
): AccessTokens {
  const { verify } = createTokenVerifier({ keys: keyRing, parties, ownClaims });
  return {
    verify,
    async sign(claims) {
      const { kid, key } = await keyRing.requireSigningKey();
      const registered: RegisteredClaims = {
        ...claims,
        iss: parties.issuer,
        aud: parties.audience,
        client_id: parties.clientId,
        jti: crypto.randomUUID(),
      };
      // A list of its own: what an app's code changes in it must not become a role.
      const own = await ownClaims.make({ id: claims.sub, roles: [...claims.roles] });
      return await new SignJWT({ ...own, ...registered }).setProtectedHeader({
        alg: "Ed25519",
        typ: "at+jwt",
        kid,
      })
        .sign(key);
    },
  };
}
