import { calculateJwkThumbprint, type CryptoKey as JoseKey } from "jose";

/** The public half of a signing key, as it is stored (RFC 8037). */
export interface PublicJwk {
  kty: "OKP";
  crv: "Ed25519";
  x: string;
}

/** A signing key at rest: its private half is encrypted, bound to its `kid`. */
export interface StoredSigningKey {
  kid: string;
  alg: string;
  publicJwk: PublicJwk;
  privateEncrypted: Uint8Array;
  state: "pending" | "active" | "retired";
}

/** `KEY_ENCRYPTION_SECRET` is not the one that the stored keys were encrypted under. */
export class WrongKeyEncryptionSecret extends Error {
  override readonly name = "WrongKeyEncryptionSecret";
  constructor() {
    super(
      "KEY_ENCRYPTION_SECRET does not decrypt the signing keys of this database; set the one they were made with",
    );
  }
}

const IV_BYTES = 12;
const encoder = new TextEncoder();
const boundTo = (kid: string) => encoder.encode(`signing key ${kid}`);

/** Makes a key pair and encrypts its private half with AES-256-GCM. */
export async function generateSigningKey(encryptionKey: CryptoKey): Promise<Omit<StoredSigningKey, "state">> {
  const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, [
    "sign",
    "verify",
  ]) as CryptoKeyPair;
  const { x } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  if (x === undefined) throw new Error("an Ed25519 key has an x");
  const publicJwk: PublicJwk = { kty: "OKP", crv: "Ed25519", x };
  const kid = await calculateJwkThumbprint(publicJwk);
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData: boundTo(kid) },
    encryptionKey,
    await crypto.subtle.exportKey("pkcs8", pair.privateKey),
  );
  return {
    kid,
    alg: "Ed25519",
    publicJwk,
    privateEncrypted: new Uint8Array([...iv, ...new Uint8Array(sealed)]),
  };
}

/** A stored key, opened. */
export interface OpenedSigningKey {
  privateKey: JoseKey;
  publicKey: JoseKey;
  publicJwk: PublicJwk;
}

/**
 * Decrypts a stored key and takes its public half from the private one. So nobody who can only write to the
 * database can add a key of their own, and no weak public key can be planted.
 *
 * @throws WrongKeyEncryptionSecret when it was not made under this secret, or altered since
 */
export async function openSigningKey(
  encryptionKey: CryptoKey,
  stored: StoredSigningKey,
): Promise<OpenedSigningKey> {
  const sealed = new Uint8Array(stored.privateEncrypted);
  const algorithm = {
    name: "AES-GCM",
    iv: sealed.subarray(0, IV_BYTES),
    additionalData: boundTo(stored.kid),
  };
  const pkcs8 = await crypto.subtle.decrypt(algorithm, encryptionKey, sealed.subarray(IV_BYTES)).catch(() => {
    throw new WrongKeyEncryptionSecret();
  });
  const ed25519 = { name: "Ed25519" };
  const { x } = await crypto.subtle.exportKey(
    "jwk",
    await crypto.subtle.importKey("pkcs8", pkcs8, ed25519, true, ["sign"]),
  );
  if (x === undefined || x !== stored.publicJwk.x) throw new Error("a stored signing key was altered");
  const publicJwk: PublicJwk = { kty: "OKP", crv: "Ed25519", x };
  if (await calculateJwkThumbprint(publicJwk) !== stored.kid) {
    throw new Error("a stored signing key was renamed");
  }
  return {
    publicJwk,
    privateKey: await crypto.subtle.importKey("pkcs8", pkcs8, ed25519, false, ["sign"]),
    publicKey: await crypto.subtle.importKey("jwk", publicJwk, ed25519, true, ["verify"]),
  };
}

/** The private half alone. @throws WrongKeyEncryptionSecret */
export async function openPrivateKey(encryptionKey: CryptoKey, stored: StoredSigningKey): Promise<JoseKey> {
  return (await openSigningKey(encryptionKey, stored)).privateKey;
}
