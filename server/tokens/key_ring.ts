import { type Clock, elapsedMs, type Stamp, takeStamp } from "../clock.ts";
import { openPrivateKey, openSigningKey, type PublicJwk, type StoredSigningKey } from "./signing_key.ts";
import type { VerifyingKey, VerifyingKeys } from "./verifying_key.ts";

/** The keys of access tokens, in memory. An unknown `kid` makes it read the store again. */
export interface KeyRing extends VerifyingKeys {
  /**
   * The key that signs now, read again first when it was read more than 60 s ago: an instance that slept must
   * not sign with a key that others have dropped.
   */
  requireSigningKey(): Promise<VerifyingKey>;
  /** Public halves of every key that could verify a token (RFC 7517 §5). */
  jwks(): { keys: (PublicJwk & { kid: string; alg: "Ed25519"; use: "sig" })[] };
  /** Something can be signed, and the last reading of the keys succeeded. */
  isReady(): boolean;
  /** Reads the keys again. @throws WrongKeyEncryptionSecret */
  reload(): Promise<void>;
}

interface KeyRingDeps {
  read: () => Promise<StoredSigningKey[]>;
  encryptionKey: CryptoKey;
  clock: Clock;
  /** Told of a stored key that was not made under this secret. */
  onIgnored?: (kid: string) => void;
}

interface RingKey extends VerifyingKey {
  publicJwk: PublicJwk;
}

const READ_MAX_AGE_MS = 60_000;
const UNKNOWN_KID_COOLDOWN_MS = 10_000;
const FAILED_COOLDOWN_MS = 1_000;

/** Builds an empty ring; `reload` fills it. */
export function createKeyRing({ read, encryptionKey, clock, onIgnored }: KeyRingDeps): KeyRing {
  let keys: ReadonlyMap<string, RingKey> = new Map();
  let signing: VerifyingKey | undefined;
  let lastRead: Stamp | undefined;
  let lastTry: Stamp | undefined;
  let failure: { error: unknown } | undefined;
  let reloading: Promise<void> | undefined;

  async function readNow(): Promise<void> {
    const started = lastTry = takeStamp(clock);
    const stored = await read();
    const loaded = new Map<string, RingKey>();
    for (const key of stored) {
      const known = keys.get(key.kid);
      const isSame = known?.publicJwk.x === key.publicJwk.x;
      const opened = known !== undefined && isSame ? known : await openKey(key);
      if (opened !== null) loaded.set(key.kid, opened);
    }
    const active = stored.find((key) => key.state === "active");
    if (active === undefined) throw new Error("there is no active signing key");
    // What could be opened goes on verifying, even if nothing can be signed.
    keys = loaded;
    if (signing?.kid !== active.kid) {
      // Assigned when it is open: until then the one before goes on signing.
      const opened = await openPrivateKey(encryptionKey, active).catch((error) => {
        signing = undefined;
        throw error;
      });
      signing = { kid: active.kid, key: opened };
    }
    lastRead = started;
  }

  /** Opens a stored key with the secret, which proves that this service made it; null for one that it did not. */
  async function openKey(stored: StoredSigningKey): Promise<RingKey | null> {
    try {
      const { publicKey, publicJwk } = await openSigningKey(encryptionKey, stored);
      return { kid: stored.kid, publicJwk, key: publicKey };
    } catch (error) {
      if (stored.state === "active") throw error;
      onIgnored?.(stored.kid);
      return null;
    }
  }

  function reload(): Promise<void> {
    return reloading ??= readNow().then(() => void (failure = undefined), (error) => {
      failure = { error };
      throw error;
    }).then(() => {}).finally(() => reloading = undefined);
  }

  return {
    reload,
    async requireSigningKey() {
      if (lastRead === undefined || elapsedMs(clock, lastRead) > READ_MAX_AGE_MS) await reload();
      if (signing === undefined) throw new Error("there is no signing key");
      return signing;
    },
    async findVerifyingKey(kid) {
      const known = keys.get(kid);
      if (known) return known;
      const cooldownMs = failure ? FAILED_COOLDOWN_MS : UNKNOWN_KID_COOLDOWN_MS;
      const isDue = lastTry === undefined || elapsedMs(clock, lastTry) >= cooldownMs;
      if (reloading !== undefined || isDue) await reload();
      else if (failure) throw failure.error;
      return keys.get(kid) ?? null;
    },
    isReady: () => signing !== undefined && failure === undefined,
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
