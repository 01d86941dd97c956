import { type Clock, elapsedMs, type Stamp, takeStamp } from "../clock.ts";
import {
  importVerifyingKey,
  readPublicJwk,
  type VerifyingKey,
  type VerifyingKeys,
} from "../tokens/verifying_key.ts";
import { fetchFrom, type FetchOptions, readText } from "./fetch_from.ts";

interface RemoteKeysDeps {
  url: string;
  fetch: FetchOptions["fetch"];
  clock: Clock;
}

const READ_MAX_MS = 2_000;
const DOCUMENT_MAX_BYTES = 64 * 1_024;
const KEYS_MAX = 32;
const UNKNOWN_KID_COOLDOWN_MS = 10_000;
const FAILED_COOLDOWN_MS = 1_000;
const DEFAULT_MAX_AGE_SECONDS = 300;
const MAX_AGE_BOUNDS_SECONDS = { min: 10, max: 3_600 };
/** Read again before the time is over, so that no call waits for it. */
const RENEW_AT = 0.8;
/** While the issuer is away, keys that were read so long ago still verify. After that nobody can know. */
export const STALE_KEYS_MAX_MS = 3_600_000;

function readMaxAgeMs({ headers }: Response): number {
  const found = /(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])/i.exec(headers.get("cache-control") ?? "")?.[1];
  const { min, max } = MAX_AGE_BOUNDS_SECONDS;
  return 1_000 * Math.min(max, Math.max(min, Number(found ?? DEFAULT_MAX_AGE_SECONDS)));
}

/** Reads a JWKS (RFC 7517 §5). Keys of other kinds are left out. @throws when nobody could tell its keys apart */
async function parseJwks(
  text: string,
  known: ReadonlyMap<string, RemoteKey>,
): Promise<Map<string, RemoteKey>> {
  const { keys } = JSON.parse(text);
  if (!Array.isArray(keys) || keys.length > KEYS_MAX) throw new Error("no JWKS");
  const parsed = new Map<string, RemoteKey>();
  for (const jwk of keys.map(readPublicJwk)) {
    if (jwk === null) continue;
    if (parsed.has(jwk.kid)) throw new Error("two keys have one kid");
    const same = known.get(jwk.kid);
    parsed.set(jwk.kid, same?.x === jwk.x ? same : { ...await importVerifyingKey(jwk), x: jwk.x });
  }
  return parsed;
}

interface RemoteKey extends VerifyingKey {
  x: string;
}

/** The issuer's keys, read when they are needed: at most one reading at a time. */
export function createRemoteKeys({ url, fetch, clock }: RemoteKeysDeps): VerifyingKeys {
  let keys: ReadonlyMap<string, RemoteKey> = new Map();
  let read: { at: Stamp; maxAgeMs: number } | undefined;
  let lastTry: Stamp | undefined;
  let failure: { error: unknown } | undefined;
  let reading: Promise<void> | undefined;

  async function readNow(): Promise<void> {
    const at = lastTry = takeStamp(clock);
    const signal = AbortSignal.timeout(READ_MAX_MS);
    const response = await fetchFrom(url, { fetch, signal, headers: { accept: "application/json" } });
    let text = "";
    for await (const piece of readText(response, { maxBytes: DOCUMENT_MAX_BYTES })) text += piece;
    keys = await parseJwks(text, keys);
    read = { at, maxAgeMs: readMaxAgeMs(response) };
  }

  function reload(): Promise<void> {
    return reading ??= readNow().then(() => void (failure = undefined), (error) => {
      failure = { error };
      throw error;
    }).finally(() => reading = undefined);
  }

  /** Reads again unless that was tried just now. @throws when the keys cannot be had */
  async function reloadIfDue(): Promise<void> {
    const cooldownMs = failure ? FAILED_COOLDOWN_MS : UNKNOWN_KID_COOLDOWN_MS;
    const isDue = lastTry === undefined || elapsedMs(clock, lastTry) >= cooldownMs;
    if (reading !== undefined || isDue) await reload();
    else if (failure) throw failure.error;
  }

  const ageMs = () => read === undefined ? Infinity : elapsedMs(clock, read.at);
  const isFresh = (share: number) => read !== undefined && ageMs() < read.maxAgeMs * share;

  return {
    async findVerifyingKey(kid) {
      if (!isFresh(RENEW_AT)) {
        const renewal = reloadIfDue().catch(() => {});
        // Known to be away: who has keys of late does not wait for it.
        const mayGoOn = isFresh(1) || (failure !== undefined && ageMs() < STALE_KEYS_MAX_MS);
        if (!mayGoOn) await renewal;
        if (ageMs() >= STALE_KEYS_MAX_MS) throw failure?.error;
      }
      const known = keys.get(kid);
      if (known !== undefined) return known;
      await reloadIfDue();
      return keys.get(kid) ?? null;
    },
    holds: (key) => isFresh(RENEW_AT) && keys.get(key.kid) === key,
  };
}
