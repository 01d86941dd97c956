import { timingSafeEqual } from "node:crypto";
import { base64url } from "jose";
import { deriveHmacKey, hmac, sha256 } from "./derive_key.ts";

/** Travels to the client and is never stored. */
export type RefreshToken = string & { readonly RefreshToken: unique symbol };
/** SHA-256 of a refresh token: what the database stores. */
export type RefreshTokenHash = Uint8Array<ArrayBuffer> & { readonly RefreshTokenHash: unique symbol };

/** A refresh token whose tag proved that this service made it. Whether it is current, the database knows. */
export interface GenuineRefreshToken {
  readonly sessionId: string;
  readonly generation: number;
  readonly secret: Uint8Array<ArrayBuffer>;
  readonly hash: RefreshTokenHash;
}

/** A token made now, with what the database keeps of it. */
export interface MintedRefreshToken {
  readonly token: RefreshToken;
  readonly hash: RefreshTokenHash;
  readonly ratchetKey: number;
}

/**
 * Makes and reads refresh tokens. They are a deterministic ratchet: the successor of a token can be derived
 * from it again, so a lost answer is repeated without any secret being stored.
 *
 * ```text
 * body  = version(1) ‖ session id(16) ‖ generation(u32) ‖ secret(32)
 * token = base64url(body ‖ HMAC-SHA256(K_tag, body)[0..16])            92 characters, always
 * ```
 */
export interface RefreshTokenCodec {
  /** Makes generation 0 of a session. */
  mintFirst(sessionId: string): Promise<MintedRefreshToken>;
  /** Derives the one successor of a token, under the given ratchet key or else the newest. */
  mintNext(parent: GenuineRefreshToken, ratchetKey?: number): Promise<MintedRefreshToken>;
  /** Reads a token; null unless shape and tag are ours. Touches no database. */
  parse(text: string): Promise<GenuineRefreshToken | null>;
}

const VERSION = 1;
const BODY_BYTES = 1 + 16 + 4 + 32;
const TAG_BYTES = 16;
const NEWEST_RATCHET_KEY = 1;
// 69 bytes are 92 characters with no spare bits, so each token has exactly one spelling.
const shape = /^[A-Za-z0-9_-]{92}$/;
const next = new TextEncoder().encode("next");

function uuidToBytes(uuid: string): Uint8Array {
  return Uint8Array.from(uuid.replaceAll("-", "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function bytesToUuid(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Builds the codec from `KEY_ENCRYPTION_SECRET`. */
export async function createRefreshTokenCodec(secret: string): Promise<RefreshTokenCodec> {
  const tagKey = await deriveHmacKey(secret, `watchword/refresh-tag/${VERSION}`);
  const ratchetKeys = new Map([
    [NEWEST_RATCHET_KEY, await deriveHmacKey(secret, `watchword/ratchet/${NEWEST_RATCHET_KEY}`)],
  ]);

  const tagOf = async (body: Uint8Array<ArrayBuffer>) => (await hmac(tagKey, body)).subarray(0, TAG_BYTES);

  async function mint(sessionId: string, generation: number, tokenSecret: Uint8Array, ratchetKey: number) {
    const body = concat(Uint8Array.of(VERSION), uuidToBytes(sessionId), uint32(generation), tokenSecret);
    const token = base64url.encode(concat(body, await tagOf(body))) as RefreshToken;
    return { token, hash: await sha256(token) as RefreshTokenHash, ratchetKey };
  }

  return {
    mintFirst: (sessionId) =>
      mint(sessionId, 0, crypto.getRandomValues(new Uint8Array(32)), NEWEST_RATCHET_KEY),

    async mintNext(parent, ratchetKey = NEWEST_RATCHET_KEY) {
      const key = ratchetKeys.get(ratchetKey);
      if (key === undefined) throw new Error(`there is no ratchet key ${ratchetKey}`);
      const generation = parent.generation + 1;
      const nextSecret = await hmac(
        key,
        concat(next, uuidToBytes(parent.sessionId), uint32(generation), parent.secret),
      );
      return mint(parent.sessionId, generation, nextSecret, ratchetKey);
    },

    async parse(text) {
      if (!shape.test(text)) return null;
      const bytes = new Uint8Array(base64url.decode(text));
      const body = bytes.slice(0, BODY_BYTES);
      if (body[0] !== VERSION || !timingSafeEqual(await tagOf(body), bytes.subarray(BODY_BYTES))) return null;
      return {
        sessionId: bytesToUuid(body.subarray(1, 17)),
        generation: new DataView(body.buffer).getUint32(17),
        secret: body.slice(21),
        hash: await sha256(text) as RefreshTokenHash,
      };
    },
  };
}
