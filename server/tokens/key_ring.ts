import { calculateJwkThumbprint, type CryptoKey as JoseKey, importJWK } from "jose";
import type { Clock } from "../clock.ts";
import { openPrivateKey, type PublicJwk, type StoredSigningKey } from "./signing_key.ts";

/** A key that verifies. Its identity changes with every reload in which its row changed. */
export interface VerifyingKey {
  kid: string;
  key: JoseKey;
}

/** The keys of access tokens, in memory. Keys come from our own store and nowhere else (RFC 8725 §3.10). */
export interface KeyRing {
  /**
   * The key that signs now, read again first when it was read more than 60 s ago: an instance that slept must
   * not sign with a key that others have dropped.
   */
  requireSigningKey(): Promise<VerifyingKey>;
  /**
   * A key by exact `kid`, or null. An unknown one causes a reload, at most one in 10 s.
   *
   * @throws when the keys are out of reach, so that nobody can know
   */
  findVerifyingKey(kid: string): Promise<VerifyingKey | null>;
  /** Tells whether a key is still one of the ring's. */
  holds(key: VerifyingKey): boolean;
  /** Public halves of every key that could verify a token (RFC 7517 §5). */
  jwks(): { keys: (PublicJwk & { kid: string; alg: "Ed25519"; use: "sig" })[] };
  /** Reads the keys again. @throws WrongKeyEncryptionSecret */
  reload(): Promise<void>;
}

interface KeyRingDeps {
  read: () => Promise<StoredSigningKey[]>;
  encryptionKey: CryptoKey;
  clock: Clock;
}

interface RingKey extends VerifyingKey {
  publicJwk: PublicJwk;
}

const READ_MAX_AGE_MS = 60_000;
const UNKNOWN_KID_COOLDOWN_MS = 10_000;

/** Builds an empty ring; `reload` fills it. */
export function createKeyRing({ read, encryptionKey, clock }: KeyRingDeps): KeyRing {
  let keys: ReadonlyMap<string, RingKey> = new Map();
  let signing: VerifyingKey | undefined;
  let readAtMs = -Infinity;
  let triedAtMs = -Infinity;
  let failure: { error: unknown } | undefined;
  let reloading: Promise<void> | undefined;

  async function readNow(): Promise<void> {
    const startedAtMs = clock.monotonicMs();
    triedAtMs = startedAtMs;
    const stored = await read();
    const loaded = new Map<string, RingKey>();
    for (const { kid, publicJwk } of stored) {
      // The thumbprint is the name, so a row whose public half was swapped is noticed.
      if (await calculateJwkThumbprint(publicJwk) !== kid) {
        throw new Error("a stored signing key was altered");
      }
      loaded.set(kid, keys.get(kid) ?? { kid, publicJwk, key: await importPublicKey(publicJwk) });
    }
    keys = loaded;
    const active = stored.find((key) => key.state === "active");
    if (active === undefined) throw new Error("there is no active signing key");
    if (signing?.kid !== active.kid) {
      signing = undefined;
      signing = { kid: active.kid, key: await openPrivateKey(encryptionKey, active) };
    }
    readAtMs = startedAtMs;
  }

  function reload(): Promise<void> {
    return reloading ??= readNow().then(() => failure = undefined, (error) => {
      failure = { error };
      throw error;
    }).then(() => {}).finally(() => reloading = undefined);
  }

  return {
    reload,
    async requireSigningKey() {
      if (clock.monotonicMs() - readAtMs > READ_MAX_AGE_MS) await reload();
      if (signing === undefined) throw new Error("there is no signing key");
      return signing;
    },
    async findVerifyingKey(kid) {
      const known = keys.get(kid);
      if (known) return known;
      if (reloading !== undefined || clock.monotonicMs() - triedAtMs >= UNKNOWN_KID_COOLDOWN_MS) {
        await reload();
      } else if (failure) throw failure.error;
      return keys.get(kid) ?? null;
    },
    holds: (key) => keys.get(key.kid) === key,
    jwks: () => ({
      keys: Array.from(keys.values(), ({ kid, publicJwk: { x } }) => ({
        kty: "OKP",
        crv: "Ed25519",
        x,
        kid,
        alg: "Ed25519",
        use: "sig",
      })),
    }),
  };
}

async function importPublicKey(publicJwk: PublicJwk): Promise<JoseKey> {
  const key = await importJWK(publicJwk, "Ed25519");
  if (key instanceof Uint8Array) throw new Error("an OKP key is no secret");
  return key;
}
