import { isTerminalReason, type Reason } from "@watchword/shared/reasons";
import type { Tokens } from "@watchword/shared/contract";
import { type AttemptJar, makeAttemptId } from "./attempt_cookie.ts";
import type { AuthApi } from "./auth_api.ts";
import { type AuthClientError, authClientError } from "./auth_client_error.ts";
import type { Access } from "./access.ts";
import type { ClientClock, Session } from "./session.ts";
import { type Seed, toInitialState, toSeedRecord } from "./seed.ts";
import { createBackoff, type FailureKind } from "./backoff.ts";
import {
  type AuthEvent,
  createListeners,
  endOf,
  type Freshness,
  type RefreshCause,
  type SessionState,
  type SignOutReason,
  whyEnded,
} from "./session_state.ts";
import type { SessionStore } from "./session_store.ts";
import { isTokens, type SessionRecord, toAccess, toRecord } from "./token_store.ts";

interface SessionDeps {
  api: AuthApi;
  store: SessionStore;
  clock: ClientClock;
  refreshAheadMs: number;
  /** The refresh token is in a cookie: nothing secret is stored here. */
  isCookieMode: boolean;
  /** Where the id of the next attempt is shared with a server that renders the page. */
  attempts?: AttemptJar | undefined;
  seed?: Seed | null | undefined;
}

// Longer than a step-up may take: a sign-out is in no hurry.
const VERDICT_WAIT_MS = 12_000;

const isEqual = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** Builds the machine over a store, and starts to read it. */
export function startSession(deps: SessionDeps): Session {
  const { api, store, clock, refreshAheadMs, isCookieMode, attempts, seed } = deps;
  let state: SessionState = toInitialState(seed);
  let record: SessionRecord | null = null;
  let expiresAt = 0;
  let epoch = 0;
  let flight: Promise<Access> | null = null;
  let waiters = 0;
  /** The store held this session when it was last looked at: if it is gone, somebody ended it. */
  let isStored = false;
  /** The generation that a refusal led to. */
  let renewedByRefusal = -1;
  /** Sessions that this tab has left: a slow write of another tab must not bring one back. */
  const left = new Set<string>();
  let isDisposed = false;
  const changes = createListeners<void>();
  const events = createListeners<AuthEvent>();
  const epochEnds = createListeners<void>();

  const backoff = createBackoff(() => clock.monotonic());
  const takeStamp = () => ({ wallMs: clock.wall(), monotonicMs: clock.monotonic() });
  const emit = (event: AuthEvent) => isDisposed || events.tell(event);
  const ttlMs = () => record === null ? 0 : expiresAt - clock.monotonic();

  function setState(next: SessionState): void {
    if (isDisposed || isEqual(next, state)) return;
    state = next;
    changes.tell();
  }

  function setFreshness(freshness: Freshness): void {
    if (record === null) return;
    setState({ status: "authenticated", user: record.user, sessionId: record.sessionId, freshness });
  }

  /** Takes a record as the present one. Calls that wait go on under it, unless the user is another one. */
  function adopt(next: SessionRecord, endsAt: number): void {
    const isOther = state.status !== "booting" && record?.user.id !== next.user.id;
    if (isOther) epoch++;
    if (record !== null && record.sessionId !== next.sessionId) left.add(record.sessionId);
    record = { ...next, user: record !== null && isEqual(record.user, next.user) ? record.user : next.user };
    expiresAt = endsAt;
    backoff.reset();
    setFreshness(ttlMs() > 0 ? "fresh" : "stale");
    if (isOther) epochEnds.tell();
  }

  function adoptStored(next: SessionRecord, via: "restored" | "other_tab"): void {
    const isSameUser = record?.user.id === next.user.id;
    isStored = true;
    // A wall clock that runs behind the stamp was set back: nothing can be said about the age, so refresh.
    const ageMs = clock.wall() - next.issuedAtMs;
    const isKnown = ageMs >= 0 && next.accessToken !== "";
    adopt(next, clock.monotonic() + (isKnown ? next.ttlMs - ageMs : 0));
    if (!isSameUser) emit({ type: "signedIn", userId: next.user.id, via });
  }

  function forget(reason: SignOutReason): void {
    record = flight = null;
    isStored = false;
    epoch++;
    setState({ status: "anonymous", lastEnd: reason });
    emit({ type: "signedOut", reason });
    epochEnds.tell();
  }

  function isNewer(stored: SessionRecord): boolean {
    if (left.has(stored.sessionId)) return false;
    if (record === null) return true;
    // What took the place of this session is newer, whatever the clocks say. One that was there before is the session
    // that this one's writing failed to replace.
    if (stored.sessionId !== record.sessionId) return isStored || stored.issuedAtMs > record.issuedAtMs;
    // In cookie mode each tab has an access token of its own, and the cookie is newer than either.
    return !isCookieMode && stored.generation > record.generation;
  }

  // Somebody else wrote the store: a sign-out, another user, or a rotation to be adopted.
  async function syncWithStore(ifGone: SignOutReason): Promise<void> {
    const before = record;
    const wasStored = isStored;
    const stored = await store.read();
    if (isDisposed) return;
    // What was read while ours changed, or was being written, says nothing about which came later.
    if (record !== before || isStored !== wasStored) return await syncWithStore(ifGone);
    if (stored === null) return isStored ? forget(ifGone) : undefined;
    if (isNewer(stored)) return adoptStored(stored, "other_tab");
    if (!left.has(stored.sessionId)) return;
    if (record === null) return await store.remove();
    if (stored.issuedAtMs <= record.issuedAtMs) return await write(record, epoch);
    // Two tabs have each left the other's session: the same rule for both, or they would go on for ever.
    left.delete(stored.sessionId);
    adoptStored(stored, "other_tab");
  }

  if (seed?.user) {
    record = toSeedRecord(seed, clock.wall());
    expiresAt = clock.monotonic() + record.ttlMs;
  }
  const seeded = record;
  const ready = (async () => {
    const stored = await store.read().catch(() => {
      emit({ type: "storage", outcome: "unreadable" });
      // One that is merely slow is looked at again.
      void syncWithStore("storage_cleared").catch(() => {});
      return null;
    });
    if (isDisposed || record !== seeded) return;
    if (seeded !== null) emit({ type: "signedIn", userId: seeded.user.id, via: "ssr" });
    if (stored !== null && isNewer(stored)) adoptStored(stored, "restored");
    else if (record === null) setState({ status: "anonymous", lastEnd: null });
  })();
  const unwatch = store.watch(() => void syncWithStore("other_tab").catch(() => {}));

  function peek({ refreshAhead = true } = {}): Access | null | undefined {
    if (isDisposed || state.status === "booting") return undefined;
    if (record === null) return null;
    const leftMs = ttlMs();
    if (leftMs <= 0) return undefined;
    // Still good: it is sent, and its successor fetched beside it.
    const isDue = leftMs <= Math.min(refreshAheadMs, record.ttlMs / 2);
    if (refreshAhead && isDue) startRefresh("ahead").catch(() => {});
    return toAccess(record);
  }

  // Renewed because it was refused, and refused again: the fault is not the token's, which others may use.
  const isJustRenewed = () => record?.generation === renewedByRefusal && ttlMs() > (record?.ttlMs ?? 0) / 2;

  async function acquire(
    other?: Access,
    cause: RefreshCause = other ? "rejected" : "ahead",
  ): Promise<Access | null> {
    await ready;
    if (isDisposed) throw authClientError("disposed");
    if (record === null) return null;
    const isOther = other === undefined || record.sessionId !== other.sessionId ||
      record.generation > other.generation;
    if (isOther && ttlMs() > 0) return toAccess(record);
    // Nobody sends what the server has refused.
    if (cause === "rejected" && !isJustRenewed()) expiresAt = 0;
    if (cause === "manual") backoff.wake();
    const started = startRefresh(cause);
    waiters++;
    return await started;
  }

  /** Starts a refresh, or joins the one under way. */
  function startRefresh(cause: RefreshCause): Promise<Access> {
    if (flight !== null) return flight;
    const obstacle = backoff.obstacle();
    if (obstacle !== null) return Promise.reject(obstacle);
    waiters = 0;
    const started = refresh(cause).finally(() => {
      if (flight === started) flight = null;
    });
    return flight = started;
  }

  async function refresh(cause: RefreshCause): Promise<Access> {
    const startEpoch = epoch;
    const stale = record;
    const startedAt = clock.monotonic();
    setFreshness("refreshing");
    const run = (isAlone: boolean) => rotate(stale, startEpoch, isAlone);
    const rotation = await store.lock(run);
    renewedByRefusal = cause === "rejected" ? rotation.access.generation : -1;
    emit({
      type: "refreshed",
      generation: rotation.access.generation,
      cause: rotation.isAdopted ? "other_tab" : cause,
      ms: clock.monotonic() - startedAt,
      waiters,
    });
    return rotation.access;
  }

  /** The record that calls made in an epoch go on under. @throws AuthClientError when there is none */
  function requireRecord(startEpoch: number): SessionRecord {
    if (record === null || epoch !== startEpoch) throw authClientError("session_changed");
    return record;
  }

  async function rotate(
    stale: SessionRecord | null,
    startEpoch: number,
    isAlone: boolean,
  ): Promise<{ access: Access; isAdopted: boolean }> {
    if (!isAlone) emit({ type: "lockSkipped" });
    const unread = requireRecord(startEpoch);
    const stored = await store.read().catch(() => unread);
    requireRecord(startEpoch);
    if (stored === null && isStored) forget("storage_cleared");
    // Another tab has moved on: to the next generation, or to another user, whose calls these are not.
    else if (stored !== null && isNewer(stored)) adoptStored(stored, "other_tab");
    const before = requireRecord(startEpoch);
    const isMoved = before.sessionId !== stale?.sessionId || before.generation !== stale.generation;
    if (isMoved && ttlMs() > 0) return { access: toAccess(before), isAdopted: true };

    // The attempt id is stored before it is sent, so that a lost answer can be asked for again, by any tab.
    // It is for the newest generation: in cookie mode the cookie is as new as the store, whatever this tab's token is.
    const isBehind = isCookieMode && stored?.sessionId === before.sessionId;
    const generation = Math.max(before.generation, isBehind ? stored.generation : 0);
    const begun = (other: SessionRecord | null) =>
      other?.sessionId === before.sessionId && other.generation === generation ? other.attemptId : undefined;
    let attemptId = attempts?.read() ?? begun(stored) ?? before.attemptId ?? makeAttemptId();
    attempts?.write(attemptId);
    record = { ...before, attemptId };
    await write({ ...record, generation }, startEpoch);
    // Without the lock others do the same: all send whichever was written.
    if (!isAlone) attemptId = attempts?.read() ?? begun(await store.read().catch(() => null)) ?? attemptId;
    const parent = requireRecord(startEpoch);
    const isSame = parent.sessionId === before.sessionId && parent.generation === before.generation;
    if (!isSame) return await rotate(stale, startEpoch, isAlone);

    const sent = takeStamp();
    const waitSeconds = backoff.count(parent.ttlMs);
    if (waitSeconds > 0) throw fail("throttled", waitSeconds);
    const answer = await api.call<Tokens>("refresh", {
      ...(isCookieMode ? {} : { refreshToken: parent.refreshToken }),
      attemptId,
    }).catch((error: AuthClientError) => {
      if (epoch === startEpoch) fail("network");
      throw error;
    });
    // Signed out or in meanwhile: these tokens are nobody's. Stepped up: they are a session's that is gone.
    const present = requireRecord(startEpoch);
    if (present.sessionId !== parent.sessionId) return { access: toAccess(present), isAdopted: false };
    if (answer.ok && isTokens(answer.data)) {
      attempts?.write(makeAttemptId());
      // The cookie is another sign-in's by now, and so are these tokens.
      if (answer.data.sessionId !== parent.sessionId) {
        await syncWithStore("other_tab");
        if (epoch === startEpoch) forget("other_tab");
        throw authClientError("session_changed");
      }
      const next = toRecord(present.user, answer.data, sent.wallMs);
      adopt(next, sent.monotonicMs + next.ttlMs);
      await write(next, startEpoch);
      return { access: toAccess(requireRecord(startEpoch)), isAdopted: false };
    }
    const { reason, retryAfterSeconds } = answer.ok ? {} : answer.auth;
    if (reason !== undefined && isTerminalReason(reason)) {
      if (isAlone) await replacing;
      await (isAlone ? endBy : endByVerdict)(reason, parent.sessionId);
      if (record === null) throw authClientError("signed_out", { cause: reason });
      return { access: toAccess(requireRecord(startEpoch)), isAdopted: true };
    }
    throw fail(reason === "RATE_LIMITED" ? "throttled" : "server", retryAfterSeconds);
  }

  function fail(kind: FailureKind, retryAfterSeconds?: number): AuthClientError {
    emit({ type: "refreshFailed", kind, ...backoff.fail(kind, retryAfterSeconds) });
    setFreshness("unreachable");
    return authClientError(kind === "throttled" ? kind : "unreachable", { retryAfterSeconds });
  }

  // A full or forbidden store costs the session its future, never its present.
  async function write(value: SessionRecord, writtenIn: number): Promise<void> {
    const stored = await store.read().catch(() => undefined);
    if (epoch !== writtenIn) return;
    // Signed out by another tab, which is not undone.
    if (stored === null && isStored) return forget("other_tab");
    // An attempt that another tab has begun is as good as its answer: whoever comes later makes the same one.
    const isOlder = stored?.sessionId === value.sessionId
      ? stored.generation + (stored.attemptId ? 1 : 0) > value.generation
      : isStored && !left.has(stored?.sessionId ?? "");
    if (stored && isOlder) return;
    const isWritten = await store.write(value);
    // Signed out while a slow store was writing: what it wrote must not come back at the next start.
    if (epoch !== writtenIn && record === null) await store.remove();
    else if (record?.sessionId === value.sessionId) isStored = isWritten;
    if (!isWritten) emit({ type: "storage", outcome: "write_failed" });
  }

  let replacing: Promise<unknown> = Promise.resolve();

  const replace = <T>(run: () => Promise<T>): Promise<T> =>
    store.lock(() => {
      const replaced = run();
      replacing = Promise.allSettled([replacing, replaced]);
      return replaced;
    });

  // A step-up ends the session before its own tab has the new one: a verdict waits for it, and looks again.
  async function endByVerdict(reason: Reason, sessionId: string): Promise<void> {
    await replacing;
    if (record?.sessionId !== sessionId) return;
    await store.lock(() => endBy(reason, sessionId), VERDICT_WAIT_MS);
  }

  async function endBy(reason: Reason, sessionId: string): Promise<void> {
    if (record?.sessionId !== sessionId) return;
    const stored = await store.read().catch(() => null);
    // While the store was read, another verdict may have ended the session already.
    if (record?.sessionId !== sessionId) return;
    // A step-up or another tab has moved on: the verdict is about something that is gone.
    if (stored !== null && isNewer(stored)) adoptStored(stored, "other_tab");
    else await signOut(endOf(reason));
  }

  async function signOut(reason: SignOutReason): Promise<SessionRecord | null> {
    const ended = record;
    if (ended === null && state.status === "anonymous") return null;
    if (ended !== null) left.add(ended.sessionId);
    forget(reason);
    await store.remove();
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
    subscribe: changes.add,
    onEpochEnd: epochEnds.add,
    whyEnded: () => isDisposed ? "disposed" : whyEnded(state),
    on: events.add,
    peek,
    ttlMs,
    acquire,
    async signIn(user, tokens, sent) {
      if (isDisposed) throw authClientError("disposed");
      const isAgain = record?.user.id === user.id;
      flight = null;
      isStored = false;
      attempts?.write(makeAttemptId());
      const next = toRecord(user, tokens, sent.wallMs);
      adopt(next, sent.monotonicMs + next.ttlMs);
      if (!isAgain) emit({ type: "signedIn", userId: user.id, via: "login" });
      await write(next, epoch);
    },
    signOut,
    endBy: endByVerdict,
    replace,
    wake() {
      backoff.wake();
      const isAway = state.status === "authenticated" && state.freshness === "unreachable";
      if (isAway) startRefresh("manual").catch(() => {});
      else void syncWithStore("storage_cleared").catch(() => {});
    },
    takeStamp,
    dispose() {
      isDisposed = true;
      epoch++;
      epochEnds.tell();
      unwatch();
      changes.clear();
      events.clear();
    },
  };
}
