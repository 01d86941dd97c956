import { isTerminalReason, type Reason } from "@watchword/shared/reasons";
import type { Tokens, User } from "@watchword/shared";
import type { AuthApi } from "./auth_api.ts";
import { type AuthClientError, authClientError } from "./auth_client_error.ts";
import {
  decodeRecord,
  encodeRecord,
  isTokens,
  type SessionRecord,
  type TokenStore,
  toRecord,
} from "./token_store.ts";

/** Why a session ended. */
export type SignOutReason =
  | "user"
  | "other_tab"
  | "expired"
  | "revoked"
  | "reuse_detected"
  | "storage_cleared";

/** How good the access token is. */
export type Freshness = "fresh" | "refreshing" | "unreachable";

/** An immutable snapshot; a new object only when something in it changed. */
export type SessionState =
  | { readonly status: "booting" }
  | { readonly status: "anonymous"; readonly lastEnd: SignOutReason | null }
  | {
    readonly status: "authenticated";
    readonly user: User;
    readonly sessionId: string;
    readonly freshness: Freshness;
  };

/** Wall-clock and monotonic milliseconds. */
export interface ClientClock {
  wall(): number;
  monotonic(): number;
}

/** A token to send, and which one it is. */
export interface Access {
  readonly accessToken: string;
  readonly sessionId: string;
  readonly generation: number;
}

/** The state machine and the one refresh in flight. */
export interface Session {
  readonly state: SessionState;
  readonly ready: Promise<void>;
  /** Rises with every change of identity. A call belongs to the epoch that it was made in. */
  readonly epoch: number;
  subscribe(changed: () => void): () => void;
  /** The access to use now without waiting: null without a session, undefined when there is something to wait for. */
  peek(options?: { refreshAhead?: boolean }): Access | null | undefined;
  /** Waits for a usable access, newer than the given generation. @throws AuthClientError */
  acquire(newerThan?: Access): Promise<Access | null>;
  /** Takes the tokens of a sign-in. */
  signIn(user: User, tokens: Tokens, issuedAtMs: number): Promise<void>;
  /** Ends the session here. @returns what it was, for the server to be told */
  signOut(reason: SignOutReason): Promise<SessionRecord | null>;
  /** The server said that a session is over. Believed only of the session that is still the current one. */
  endBy(reason: Reason, sessionId: string): Promise<void>;
  dispose(): void;
}

interface SessionDeps {
  api: AuthApi;
  store: TokenStore;
  storeKey: string;
  clock: ClientClock;
  refreshAheadMs: number;
}

const BACKOFF_MIN_MS = 1_000;
const BACKOFF_MAX_MS = 60_000;

const endOfReason: Partial<Record<Reason, SignOutReason>> = {
  REFRESH_EXPIRED: "expired",
  REFRESH_REUSED: "reuse_detected",
};

function makeAttemptId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").slice(0, 22);
}

/** Runs what may throw at once or reject later: a store may do either. */
async function attempt<T>(run: () => T | Promise<T>): Promise<T> {
  return await run();
}

const toAccess = ({ accessToken, sessionId, generation }: SessionRecord): Access => ({
  accessToken,
  sessionId,
  generation,
});

/** Builds a session over a store. */
export function createSession({ api, store, storeKey, clock, refreshAheadMs }: SessionDeps): Session {
  let state: SessionState = { status: "booting" };
  let record: SessionRecord | null = null;
  let expiresAt = 0;
  let epoch = 0;
  let refreshing: Promise<Access> | null = null;
  let failures = 0;
  let nextTryAt = 0;
  let isDisposed = false;
  const listeners = new Set<() => void>();

  function setState(next: SessionState): void {
    const isSame = JSON.stringify(next) === JSON.stringify(state);
    if (isSame || isDisposed) return;
    state = next;
    for (const listener of [...listeners]) notify(listener);
  }

  function setFreshness(freshness: Freshness): void {
    if (record !== null) {
      setState({ status: "authenticated", user: record.user, sessionId: record.sessionId, freshness });
    }
  }

  /** Takes a record as the present one. Within a session, generations only rise. */
  function adopt(next: SessionRecord): void {
    if (record !== null && record.sessionId !== next.sessionId) epoch++;
    const user = record?.user.id === next.user.id && sameUser(record.user, next.user)
      ? record.user
      : next.user;
    record = { ...next, user };
    // A wall clock that runs behind the stamp was set back: nothing can be said about the age, so refresh.
    const age = clock.wall() - next.issuedAtMs;
    expiresAt = clock.monotonic() + (age < 0 ? 0 : next.ttlMs - age);
    failures = 0;
    nextTryAt = 0;
    setFreshness("fresh");
  }

  function forget(reason: SignOutReason | null): void {
    record = null;
    epoch++;
    setState({ status: "anonymous", lastEnd: reason });
  }

  const isNewer = (stored: SessionRecord) => {
    if (record === null) return true;
    // A sign-in whose writing failed left an older session in the store.
    if (stored.sessionId !== record.sessionId) return stored.issuedAtMs > record.issuedAtMs;
    return stored.generation > record.generation;
  };

  async function readStore(): Promise<SessionRecord | null> {
    return decodeRecord(await store.get(storeKey));
  }

  // Somebody else wrote the store: a sign-out, another user, or a rotation to be adopted.
  async function syncWithStore(): Promise<void> {
    const stored = await readStore();
    if (isDisposed) return;
    if (stored === null) {
      if (record !== null) forget("other_tab");
    } else if (isNewer(stored)) adopt(stored);
  }

  const ready = (async () => {
    const stored = await attempt(() => store.get(storeKey)).then(decodeRecord, () => null);
    if (isDisposed || state.status !== "booting") return;
    if (stored === null) setState({ status: "anonymous", lastEnd: null });
    else adopt(stored);
  })();
  const unwatch = store.watch?.(storeKey, () => void syncWithStore().catch(() => {}));

  const marginMs = () => Math.min(refreshAheadMs, (record?.ttlMs ?? 0) / 2);
  const isUsable = () => record !== null && clock.monotonic() < expiresAt;

  function peek({ refreshAhead = true } = {}): Access | null | undefined {
    if (state.status === "booting") return undefined;
    if (record === null) return null;
    if (!isUsable()) return undefined;
    // Still good: it is sent, and its successor fetched beside it.
    const isDue = clock.monotonic() >= expiresAt - marginMs() && clock.monotonic() >= nextTryAt;
    if (refreshAhead && isDue) {
      startRefresh().catch(() => {});
    }
    return toAccess(record);
  }

  async function acquire(newerThan?: Access): Promise<Access | null> {
    await ready;
    if (isDisposed) throw authClientError("disposed");
    if (record === null) return null;
    const isNewEnough = newerThan === undefined || record.sessionId !== newerThan.sessionId ||
      record.generation > newerThan.generation;
    if (isNewEnough && isUsable()) return toAccess(record);
    return await startRefresh();
  }

  /** Starts a refresh, or joins the one under way. */
  function startRefresh(): Promise<Access> {
    if (refreshing !== null) return refreshing;
    const waitMs = nextTryAt - clock.monotonic();
    if (waitMs > 0) {
      return Promise.reject(authClientError("unreachable", { retryAfterSeconds: Math.ceil(waitMs / 1_000) }));
    }
    const flight = refresh().finally(() => refreshing = refreshing === flight ? null : refreshing);
    return refreshing = flight;
  }

  async function refresh(): Promise<Access> {
    const startEpoch = epoch;
    const before = record;
    if (before === null) throw authClientError("signed_out");
    setFreshness("refreshing");
    const stored = await readStore().catch(() => before);
    requireEpoch(startEpoch);
    // Another tab has moved on: to the next generation, or to another user, whose calls these are not.
    if (stored !== null && isNewer(stored)) {
      adopt(stored);
      requireEpoch(startEpoch);
      return toAccess(stored);
    }
    // The attempt id is stored before it is sent, so that a lost answer can be asked for again.
    const parent = { ...before, attemptId: stored?.attemptId ?? before.attemptId ?? makeAttemptId() };
    record = parent;
    await write(parent, startEpoch);
    requireEpoch(startEpoch);

    const issuedAtMs = clock.wall();
    const answer = await api.call<Tokens>("refresh", {
      refreshToken: parent.refreshToken,
      attemptId: parent.attemptId,
    }).catch((error: AuthClientError) => {
      if (epoch === startEpoch) backOff();
      throw error;
    });
    // Signed out or in meanwhile: these tokens are nobody's.
    requireEpoch(startEpoch);
    if (answer.ok && !isTokens(answer.data)) {
      backOff();
      throw authClientError("unreachable");
    }
    if (answer.ok) {
      const next = toRecord(parent.user, answer.data, issuedAtMs);
      adopt(next);
      await write(next, startEpoch);
      return toAccess(next);
    }
    const { reason, retryAfterSeconds } = answer.auth;
    if (isTerminalReason(reason)) {
      await endBy(reason, parent.sessionId);
      if (record !== null) return toAccess(record);
      throw authClientError("signed_out", { cause: reason });
    }
    backOff(retryAfterSeconds);
    throw authClientError(reason === "RATE_LIMITED" ? "throttled" : "unreachable", { retryAfterSeconds });
  }

  function backOff(retryAfterSeconds = 0): void {
    const waitMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** failures++);
    nextTryAt = clock.monotonic() + Math.max(waitMs * (0.5 + Math.random() / 2), retryAfterSeconds * 1_000);
    setFreshness("unreachable");
  }

  function requireEpoch(expected: number): void {
    if (epoch !== expected) throw authClientError("session_changed");
  }

  // A full or forbidden store costs the session its future, never its present.
  async function write(value: SessionRecord, writtenIn: number): Promise<void> {
    const stored = await readStore().catch(() => null);
    const isAnothers = stored !== null && stored.sessionId !== value.sessionId &&
      stored.issuedAtMs > value.issuedAtMs;
    if (epoch !== writtenIn || isAnothers) return;
    await attempt(() => store.set(storeKey, encodeRecord(value))).catch(() => {});
    // Signed out while a slow store was writing: what it wrote must not come back at the next start.
    if (epoch !== writtenIn && record === null) await attempt(() => store.remove(storeKey)).catch(() => {});
  }

  async function endBy(reason: Reason, sessionId: string): Promise<void> {
    if (record?.sessionId !== sessionId) return;
    const stored = await readStore().catch(() => null);
    // While the store was read, another verdict may have ended the session already.
    if (record?.sessionId !== sessionId) return;
    // A step-up or another tab has moved on: the verdict is about something that is gone.
    if (stored !== null && isNewer(stored)) return adopt(stored);
    await signOut(endOfReason[reason] ?? "revoked");
  }

  async function signOut(reason: SignOutReason): Promise<SessionRecord | null> {
    const ended = record;
    forget(reason);
    await attempt(() => store.remove(storeKey)).catch(() => {});
    return ended;
  }

  return {
    get state() {
      return state;
    },
    get epoch() {
      return epoch;
    },
    ready,
    subscribe(changed) {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    peek,
    acquire,
    async signIn(user, tokens, issuedAtMs) {
      epoch++;
      const next = toRecord(user, tokens, issuedAtMs);
      record = null;
      adopt(next);
      await write(next, epoch);
    },
    signOut,
    endBy,
    dispose() {
      isDisposed = true;
      unwatch?.();
      listeners.clear();
    },
  };
}

// A listener of the app that throws must not stop the session from being stored.
function notify(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function sameUser(a: User, b: User): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
