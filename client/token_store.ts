import type { Tokens, User } from "@watchword/shared/contract";
import type { Access } from "./access.ts";

type MaybePromise<T> = T | Promise<T>;

/** Where a session is kept between runs. A value is one opaque string of at most 8 KiB. */
export interface TokenStore {
  get(key: string): MaybePromise<string | null>;
  set(key: string, value: string): MaybePromise<void>;
  remove(key: string): MaybePromise<void>;
  /** Calls back when somebody else (another tab) changed the key. @returns what stops it */
  watch?(key: string, changed: () => void): () => void;
  /**
   * Runs alone among all who share the store. After `waitMs` without the lock it runs all the same, with `held`
   * false: a lock is only an optimisation.
   */
  lock?<T>(key: string, waitMs: number, run: (held: boolean) => Promise<T>): Promise<T>;
}

/** What is stored of a session. */
export interface SessionRecord {
  user: User;
  sessionId: string;
  generation: number;
  accessToken: string;
  refreshToken: string;
  /** Wall-clock milliseconds when the tokens were asked for, and how long the access token lives from then. */
  issuedAtMs: number;
  ttlMs: number;
  /** The attempt id of a refresh that was begun and not answered; sent again until it is. */
  attemptId?: string;
}

const VERSION = 1;

/** Builds the record of fresh tokens. */
export function toRecord(user: User, tokens: Tokens, issuedAtMs: number): SessionRecord {
  return {
    user,
    sessionId: tokens.sessionId,
    generation: tokens.generation,
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken ?? "",
    issuedAtMs,
    ttlMs: tokens.expiresInSeconds * 1_000,
  };
}

/** What of a record is sent, and which one it is. */
export function toAccess({ accessToken, sessionId, generation }: SessionRecord): Access {
  return { accessToken, sessionId, generation };
}

/** Writes a record as the string that is stored. */
export function encodeRecord(record: SessionRecord): string {
  return JSON.stringify({ v: VERSION, ...record });
}

/** Reads a stored string. Anything that is not a record of this version is null: it is ignored, never trusted. */
export function decodeRecord(text: string | null): SessionRecord | null {
  if (text === null) return null;
  try {
    const record = JSON.parse(text);
    const isRecord = record?.v === VERSION && typeof record.user?.id === "string" &&
      [record.sessionId, record.accessToken, record.refreshToken].every((field) =>
        typeof field === "string"
      ) &&
      [record.generation, record.issuedAtMs, record.ttlMs].every(Number.isFinite) &&
      ["string", "undefined"].includes(typeof record.attemptId);
    return isRecord ? record : null;
  } catch {
    return null;
  }
}

/** Tells tokens from whatever else a captive portal or a proxy may answer 200 with. */
export function isTokens(data: unknown): data is Tokens {
  const { accessToken, sessionId, generation, expiresInSeconds } = Object(data);
  return typeof accessToken === "string" && typeof sessionId === "string" &&
    Number.isFinite(generation) && Number.isFinite(expiresInSeconds);
}
