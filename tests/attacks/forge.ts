import { Buffer } from "node:buffer";
import { deriveAesKey } from "../../server/tokens/derive_key.ts";
import { type TestApp, testSecret } from "../kit/app.ts";

type Bytes = Uint8Array<ArrayBuffer>;
/** An object is written as JSON; text and bytes go in as they are. */
export type Part = Record<string, unknown> | string | Bytes;
/** Claims that differ from a genuine token's; `undefined` leaves one out. */
export type Changes = Record<string, unknown>;

const encoder = new TextEncoder();
const IV_BYTES = 12;

/** Base64url without padding (RFC 7515 §2). */
export function b64u(data: string | Uint8Array): string {
  return Buffer.from(data).toString("base64url");
}

/** Bytes of base64url. */
export function fromB64u(text: string): Bytes {
  return new Uint8Array(Buffer.from(text, "base64url"));
}

function writePart(part: Part): string {
  if (typeof part === "string" || part instanceof Uint8Array) return b64u(part);
  return b64u(JSON.stringify(part));
}

/** Signing input of a compact JWS (RFC 7515 §5.1). */
export function joinParts(header: Part, payload: Part): string {
  return `${writePart(header)}.${writePart(payload)}`;
}

/** The three segments of a compact JWS as they stand, and what they say. */
export function splitToken(token: string) {
  const [header = "", payload = "", signature = ""] = token.split(".");
  const read = (text: string): Record<string, unknown> =>
    JSON.parse(Buffer.from(text, "base64url").toString());
  return { header, payload, signature, claims: read(payload), headerFields: read(header) };
}

/** The service's own signing key, in the hands of the test. */
export interface Forge {
  kid: string;
  publicJwk: { kty: "OKP"; crv: "Ed25519"; x: string };
  /** The public key as SPKI, DER and PEM: what an attacker makes of the JWKS. */
  spki: Bytes;
  pem: string;
  /** The 32-byte seed (RFC 8032 §5.1.5). */
  seed: Bytes;
  /** `{ alg: "Ed25519", typ: "at+jwt", kid }` */
  header: { alg: string; typ: string; kid: string };
  /** Signs anything. */
  signature(signingInput: string): Promise<Bytes>;
  /** A compact JWS over any header and payload, under the real key. */
  token(header: Part, payload: Part): Promise<string>;
  /** A token like `genuine` with other claims, under the real key. */
  variant(genuine: string, changes: Changes): Promise<string>;
}

/** Decrypts the active signing key of a service's database. */
export async function openForge({ database }: TestApp): Promise<Forge> {
  const [row] = await database.sql<
    { kid: string; public_jwk: Forge["publicJwk"]; private_encrypted: Uint8Array }[]
  >`
    select kid, public_jwk, private_encrypted from signing_keys where state = 'active'`;
  if (row === undefined) throw new Error("there is no active signing key");
  const { kid, public_jwk: publicJwk } = row;
  const sealed = new Uint8Array(row.private_encrypted);
  const pkcs8 = await crypto.subtle.decrypt(
    {
      name: "AES-GCM",
      iv: sealed.subarray(0, IV_BYTES),
      additionalData: encoder.encode(`signing key ${kid}`),
    },
    await deriveAesKey(testSecret, "watchword/signing-keys/1"),
    sealed.subarray(IV_BYTES),
  );
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "Ed25519" }, false, ["sign"]);
  const publicKey = await crypto.subtle.importKey("jwk", publicJwk, { name: "Ed25519" }, true, ["verify"]);
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", publicKey));
  const header = { alg: "Ed25519", typ: "at+jwt", kid };

  const signature = async (text: string) =>
    new Uint8Array(await crypto.subtle.sign("Ed25519", key, encoder.encode(text)));
  async function token(withHeader: Part, payload: Part) {
    const input = joinParts(withHeader, payload);
    return `${input}.${b64u(await signature(input))}`;
  }
  return {
    kid,
    publicJwk,
    spki,
    pem: toPem(spki),
    // The seed is the end of the PKCS #8 document (RFC 8410 §7).
    seed: new Uint8Array(pkcs8.slice(-32)),
    header,
    signature,
    token,
    variant: (genuine, changes) => token(header, { ...splitToken(genuine).claims, ...changes }),
  };
}

/** Tokens under the real key, like a genuine one but for some claims each. */
export async function makeVariants(
  { forge, victim }: { forge: Forge; victim: { tokens: { accessToken: string } } },
  changes: Record<string, Changes>,
): Promise<Record<string, string>> {
  const tokens: Record<string, string> = {};
  for (const [name, change] of Object.entries(changes)) {
    tokens[name] = await forge.variant(victim.tokens.accessToken, change);
  }
  return tokens;
}

/** Tokens under the real key and a right header over any payloads. */
export async function signPayloads(
  forge: Forge,
  payloads: Record<string, Part>,
): Promise<Record<string, string>> {
  const tokens: Record<string, string> = {};
  for (const [name, payload] of Object.entries(payloads)) {
    tokens[name] = await forge.token(forge.header, payload);
  }
  return tokens;
}

function toPem(spki: Uint8Array): string {
  const lines = Buffer.from(spki).toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN PUBLIC KEY-----\n${lines.join("\n")}\n-----END PUBLIC KEY-----`;
}

/** A compact JWS under a shared secret. An empty secret is HMAC's all-zero block. */
export async function signHmac(
  hash: "SHA-256" | "SHA-384" | "SHA-512",
  secret: string | Uint8Array,
  header: Part,
  payload: Part,
): Promise<string> {
  const bytes = new Uint8Array(Buffer.from(secret));
  const raw = bytes.length === 0 ? new Uint8Array(1) : bytes;
  const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash }, false, ["sign"]);
  const input = joinParts(header, payload);
  return `${input}.${b64u(new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(input))))}`;
}

/** A key pair of the attacker's own. */
export interface AttackerKey {
  publicJwk: JsonWebKey;
  token(header: Part, payload: Part): Promise<string>;
}

const attackerAlgorithms = {
  Ed25519: { generate: { name: "Ed25519" }, sign: { name: "Ed25519" } },
  ES256: { generate: { name: "ECDSA", namedCurve: "P-256" }, sign: { name: "ECDSA", hash: "SHA-256" } },
  RS256: {
    generate: {
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: 2048,
      publicExponent: Uint8Array.of(1, 0, 1),
      hash: "SHA-256",
    },
    sign: { name: "RSASSA-PKCS1-v1_5" },
  },
};

/** Makes a key pair that the service has never heard of. */
export async function makeAttackerKey(alg: keyof typeof attackerAlgorithms): Promise<AttackerKey> {
  const { generate, sign } = attackerAlgorithms[alg];
  const pair = await crypto.subtle.generateKey(generate, true, ["sign", "verify"]) as CryptoKeyPair;
  return {
    publicJwk: await crypto.subtle.exportKey("jwk", pair.publicKey),
    async token(header, payload) {
      const input = joinParts(header, payload);
      const signature = await crypto.subtle.sign(sign, pair.privateKey, encoder.encode(input));
      return `${input}.${b64u(new Uint8Array(signature))}`;
    },
  };
}
