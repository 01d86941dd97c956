import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Forge } from "./forge.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The order of the base point (RFC 8032 §5.1). */
export const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n;

/** A number of 32 little-endian bytes. */
export function readScalar(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex") || "0"}`);
}

/** 32 little-endian bytes; null when the number does not fit. */
export function writeScalar(value: bigint): Bytes | null {
  const hex = value.toString(16).padStart(64, "0");
  return hex.length > 64 ? null : new Uint8Array(Buffer.from(hex, "hex").reverse());
}

/** R and S put together. */
export function joinSignature(r: Uint8Array, s: Uint8Array): Bytes {
  return new Uint8Array(Buffer.concat([r, s]));
}

/** The same signature with a multiple of the group order added to S: equal in the group, not in RFC 8032. */
export function addGroupOrder(signature: Uint8Array, times: bigint): Bytes | null {
  const s = writeScalar(readScalar(signature.subarray(32)) + times * groupOrder);
  return s === null ? null : joinSignature(signature.subarray(0, 32), s);
}

/** Every encoding of a point of small order, canonical or not (Chalkias et al., "Taming the many EdDSAs", table 2). */
export const smallOrderPoints: readonly Bytes[] = [
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "0100000000000000000000000000000000000000000000000000000000000080",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map((hex) => new Uint8Array(Buffer.from(hex, "hex")));

function sha512(...parts: Uint8Array[]): Bytes {
  const hash = createHash("sha512");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

function readWide(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}

/**
 * A signature by the key's own holder whose R is the given point: S answers for the key alone, so the
 * equation holds up to R's small order.
 */
export function signWithNoncePoint({ seed, publicJwk }: Forge, signingInput: string, r: Uint8Array): Bytes {
  const digest = sha512(seed);
  const scalarBytes = digest.slice(0, 32);
  scalarBytes[0] = (scalarBytes[0] ?? 0) & 248;
  scalarBytes[31] = ((scalarBytes[31] ?? 0) & 127) | 64;
  const publicKey = Buffer.from(publicJwk.x, "base64url");
  const challenge = readWide(sha512(r, publicKey, new TextEncoder().encode(signingInput))) % groupOrder;
  const s = writeScalar((challenge * readScalar(scalarBytes)) % groupOrder);
  if (s === null) throw new Error("a reduced scalar fits");
  return joinSignature(r, s);
}
