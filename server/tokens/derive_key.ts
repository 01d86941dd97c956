const encoder = new TextEncoder();

/**
 * Derives one key from `KEY_ENCRYPTION_SECRET` by HKDF-SHA256 (RFC 5869), one label a purpose, so that no
 * key is ever used for two things.
 *
 * @returns 32 bytes.
 */
export async function deriveKeyBytes(secret: string, label: string): Promise<Uint8Array<ArrayBuffer>> {
  const base = await crypto.subtle.importKey("raw", encoder.encode(secret), "HKDF", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode(label) },
    base,
    256,
  );
  return new Uint8Array(bits);
}

/** Derives a key for HMAC-SHA256 (RFC 2104). */
export async function deriveHmacKey(secret: string, label: string): Promise<CryptoKey> {
  const bytes = await deriveKeyBytes(secret, label);
  return await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

/** Derives a key for AES-256-GCM. */
export async function deriveAesKey(secret: string, label: string): Promise<CryptoKey> {
  const bytes = await deriveKeyBytes(secret, label);
  return await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
}

/** HMAC-SHA256. */
export async function hmac(key: CryptoKey, data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, data));
}

/** SHA-256 of bytes, or of a text's UTF-8. */
export async function sha256(data: string | Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(
    await crypto.subtle.digest("SHA-256", typeof data === "string" ? encoder.encode(data) : data),
  );
}
