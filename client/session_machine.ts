import type { Tokens } from "@watchword/shared/contract";
import type { Reason } from "@watchword/shared/reasons";
import type { Access } from "./access.ts";
import { makeAttemptId } from "./attempt_id.ts";
import type { Answer, AuthApi } from "./auth_api.ts";
import { type AuthClientError, authClientError } from "./auth_client_error.ts";
import { createBackoff, failureError, type FailureKind } from "./backoff.ts";
import type { CookieMode } from "./cookie_mode.ts";
import { createQueue } from "./create_queue.ts";
import type { ClientClock, Session } from "./session.ts";
import { isTokens, type LiveRecord, type SessionRecord, toEnded, toRecord } from "./session_record.ts";
import {
  type AuthEvent,
  createListeners,
  type Freshness,
  type RefreshCause,
  type SessionState,
  type SignOutReason,
  verdicts,
} from "./session_state.ts";
import { type SessionStorage, type SharedSession, unshared } from "./shared_session.ts";

interface SessionDeps {
  api: AuthApi;
  storage: SessionStorage | undefined;
  key: string;
  lockWaitMs: number;
  clock: ClientClock;
  refreshAheadMs: number;
  /** The refresh token is in a cookie: nothing secret is stored here. */
  cookies: CookieMode | undefined;
  /** Aborted when the client is disposed. */
  life: AbortSignal;
}

/** Why a record becomes the present one: how somebody signed in, how a session ended, or why it was renewed. */
type Why = Extract<AuthEvent, { type: "signedIn" }>["via"] | SignOutReason | RefreshCause;

// Longer than a step-up may take: a sign-out is in no hurry.
const VERDICT_WAIT_MS = 12_000;

const ignore = () => {};

/**
 * Builds the machine, and starts to read the storage.
 *
 * It holds one record, and whatever happens makes a newer one: it becomes the present one, and is settled with
 * everybody who shares the session.
 */
export function startSession(
  { api, storage, key, lockWaitMs, clock, refreshAheadMs, cookies, life }: SessionDeps,
): Session {
  const initialState: SessionState = cookies?.initialState ?? { status: "booting" };
  let state = initialState;
  /** The session, or what is left of the last one. */
  let record: SessionRecord | null = null;
  let expiresAt = 0;
  let epoch = 0;
  let flight: Promise<Access> | null = null;
  /** Ends the request of a refresh: what comes too late must not put its cookie over another session's. */
  let rotation: AbortController | undefined;
  let waiters = 0;
  /** A token that a refusal led to: if it is refused too, the fault is not the token's, which others may use. */
  let sparedToken: string | undefined;
  const changes = createListeners<void>();
  const events = createListeners<AuthEvent>();
  const epochEnds = createListeners<void>();
  const backoff = createBackoff(() => clock.monotonic());
  const enqueue = createQueue();

  const takeStamp = () => ({ wallMs: clock.wall(), monotonicMs: clock.monotonic() });
  const emit = (event: AuthEvent) => life.aborted || events.tell(event);
  const present = () => record?.user ? record as LiveRecord : null;
  const ttlMs = () => present() ? expiresAt - clock.monotonic() : 0;

  function setState(next: SessionState): void {
    if (life.aborted || JSON.stringify(next) === JSON.stringify(state)) return;
    state = next;
    changes.tell();
  }

  function setFreshness(freshness: Freshness): void {
    const now = present();
    if (now) setState({ status: "authenticated", user: now.user, sessionId: now.sessionId, freshness });
  }

  /** Takes a session, or the end of one, as the present one. Calls go on under it, unless its user is another one. */
  function become(next: SessionRecord, why: Why, sentAt?: number): void {
    const before = present();
    const { user, sessionId, accessToken, issuedAt, expiresInSeconds } = next;
    const isOther = before?.user.id !== user?.id;
    const isAnother = before?.sessionId !== sessionId;
    const isBooting = state.status === "booting";
    record = next;
    if (isAnother || !user) {
      flight = null;
      rotation?.abort(authClientError("session_changed"));
    }
    if (isOther && !isBooting) epoch++;
    if (user && (isAnother || before.accessToken !== accessToken)) {
      // A wall clock that runs behind the stamp was set back: nothing can be said about the age, so refresh.
      const ageMs = clock.wall() - issuedAt;
      sentAt ??= accessToken && ageMs >= 0 ? clock.monotonic() - ageMs : -Infinity;
      expiresAt = sentAt + expiresInSeconds * 1_000;
      backoff.reset();
      setFreshness(ttlMs() > 0 ? "fresh" : "stale");
    }
    if (!isOther) return;
    if (user) {
      emit({ type: "signedIn", userId: user.id, via: why as "login" });
    } else {
      setState({ status: "anonymous", lastEnd: why as SignOutReason });
      emit({ type: "signedOut", reason: why as SignOutReason });
    }
    if (!isBooting) epochEnds.tell();
  }

  const { settle, lock: lockShared }: SharedSession = storage?.share({
    get record() {
      return record;
    },
    become,
    emit,
    key,
    lockWaitMs,
    clock,
    isCookieMode: cookies !== undefined,
    life,
  }) ?? unshared;
  // Alone in this client too: a refresh must not meet a step-up.
  const lock: SharedSession["lock"] = (run, waitMs) => enqueue(() => lockShared(run, waitMs));

  const seeded = cookies?.createSeedRecord?.(clock);
  if (seeded) become(seeded, "ssr", clock.monotonic());
  const ready = (async () => {
    // Whoever built this has its listeners in place by then.
    await null;
    if (seeded) emit({ type: "signedIn", userId: seeded.user.id, via: "ssr" });
    await settle("restored");
    if (state.status === "booting") setState({ status: "anonymous", lastEnd: null });
  })();

  function peek(): Access | null | undefined {
    if (life.aborted || state.status === "booting") return undefined;
    const now = present();
    if (!now) return null;
    const leftMs = ttlMs();
    if (leftMs <= 0) return undefined;
    // Still good: it is sent, and its successor fetched beside it.
    if (leftMs <= Math.min(refreshAheadMs, now.expiresInSeconds * 500)) startRefresh("ahead").catch(ignore);
    return now;
  }

  async function acquire(
    other?: Access,
    cause: RefreshCause = other ? "rejected" : "ahead",
  ): Promise<Access | null> {
    await ready;
    if (life.aborted) throw authClientError("disposed");
    const now = present();
    if (!now) return null;
    if (now.accessToken !== other?.accessToken && ttlMs() > 0) return now;
    // Nobody sends what the server has refused.
    if (cause === "rejected" && now.accessToken !== sparedToken) expiresAt = 0;
    if (cause === "manual") backoff.wake();
    const started = startRefresh(cause);
    waiters++;
    return await started;
  }

  /** Starts a refresh, or joins the one under way. */
  function startRefresh(cause: RefreshCause): Promise<Access> {
    if (flight) return flight;
    const obstacle = backoff.obstacle();
    if (obstacle) return Promise.reject(obstacle);
    waiters = 0;
    const started = refresh(cause).finally(() => {
      if (flight === started) flight = null;
    });
    return flight = started;
  }

  async function refresh(cause: RefreshCause): Promise<Access> {
    const startEpoch = epoch;
    const startedAt = clock.monotonic();
    const staleToken = present()?.accessToken;
    let by: RefreshCause = "other_tab";

    /** What calls that were made in this epoch go on under. @throws AuthClientError when there is nothing */
    function requirePresent(): LiveRecord {
      const now = present();
      if (!now || epoch !== startEpoch) throw epochError();
      return now;
    }

    async function rotate(isAlone: boolean): Promise<LiveRecord> {
      requirePresent();
      await settle();
      const before = requirePresent();
      if (before.accessToken !== staleToken && ttlMs() > 0) return before;

      // The attempt id is stored before it is sent, so that a lost answer can be asked for again, by any tab.
      const begun = cookies?.attempts?.read() ?? before.attemptId ?? makeAttemptId();
      cookies?.attempts?.write(begun);
      become({ ...before, attemptId: begun }, cause);
      await settle();
      // Without the lock others do the same: all send whichever was written.
      if (!isAlone) await settle();
      const parent = requirePresent();
      const isSame = parent.sessionId === before.sessionId && parent.generation === before.generation;
      if (!isSame) return await rotate(isAlone);

      const sent = takeStamp();
      const { signal } = rotation = new AbortController();
      const waitSeconds = backoff.count(parent.expiresInSeconds * 1_000);
      if (waitSeconds) throw fail("throttled", waitSeconds);
      let failure: AuthClientError | undefined;
      const { data, reason, retryAfterSeconds } = await api<Tokens>("refresh", {
        ...(cookies ? {} : { refreshToken: parent.refreshToken }),
        attemptId: cookies?.attempts?.read() ?? parent.attemptId,
      }, { signal }).catch((error): Partial<Answer<Tokens>> => {
        failure = error;
        return {};
      });
      const now = requirePresent();
      // Another tab was faster, or there was a step-up: whatever came of this one, it is about what is gone.
      const isGone = now.sessionId !== parent.sessionId || now.accessToken !== parent.accessToken;
      if (isGone) return await rotate(isAlone);
      if (failure) {
        fail("network");
        throw failure;
      }
      if (isTokens(data)) {
        cookies?.attempts?.write(makeAttemptId());
        if (data.sessionId !== parent.sessionId) {
          // The cookie is another sign-in's by now, and so are these tokens.
          await settle();
          if (present()?.sessionId === parent.sessionId) await end("other_tab");
          return await rotate(isAlone);
        }
        by = cause;
        const { user, startedAt, generation } = now;
        const next = toRecord(data, { user, startedAt, issuedAt: sent.wallMs });
        // In cookie mode the other tabs may be further on.
        become({ ...next, generation: Math.max(generation, next.generation) }, cause, sent.monotonicMs);
        await settle();
        // Another session of the same user may have come meanwhile, whose token is not here yet.
        return present()?.accessToken === next.accessToken ? requirePresent() : await rotate(isAlone);
      }
      if (reason && verdicts[reason]) {
        const judge = () => believe(reason, parent);
        // Another tab may be stepping up.
        await (isAlone ? judge() : lockShared(judge, VERDICT_WAIT_MS));
        if (!present()) throw authClientError("signed_out", { cause: reason });
        return await rotate(isAlone);
      }
      throw fail(reason === "RATE_LIMITED" ? "throttled" : "server", retryAfterSeconds);
    }

    setFreshness("refreshing");
    const access = await lock((isAlone) => {
      if (!isAlone) emit({ type: "lockSkipped" });
      return rotate(isAlone);
    });
    sparedToken = cause === "rejected" ? access.accessToken : undefined;
    const ms = clock.monotonic() - startedAt;
    emit({ type: "refreshed", generation: access.generation, cause: by, ms, waiters });
    return access;
  }

  function fail(kind: FailureKind, retryAfterSeconds?: number): AuthClientError {
    emit({ type: "refreshFailed", kind, ...backoff.fail(kind, retryAfterSeconds) });
    setFreshness("unreachable");
    return failureError(kind, retryAfterSeconds);
  }

  /** Ends a session by a verdict, unless this tab or another one has moved on. */
  async function believe(reason: Reason, { sessionId, generation }: LiveRecord): Promise<void> {
    await settle();
    const now = present();
    if (now?.sessionId === sessionId && now.generation === generation) await end(verdicts[reason]!);
  }

  async function end(reason: SignOutReason): Promise<LiveRecord | null> {
    const ended = present();
    if (!ended) return null;
    become(toEnded(ended), reason);
    await settle();
    return ended;
  }

  function epochError(): AuthClientError {
    const isVerdict = "lastEnd" in state && Object.values(verdicts).includes(state.lastEnd!);
    return authClientError(life.aborted ? "disposed" : isVerdict ? "signed_out" : "session_changed");
  }

  life.addEventListener("abort", () => {
    epoch++;
    epochEnds.tell();
  });

  return {
    get state() {
      return state;
    },
    get epoch() {
      return epoch;
    },
    initialState,
    ready,
    subscribe: changes.add,
    on: events.add,
    onEpochEnd: epochEnds.add,
    epochError,
    peek,
    ttlMs,
    acquire,
    async signIn(user, tokens, sent) {
      if (life.aborted) throw authClientError("disposed");
      cookies?.attempts?.write(makeAttemptId());
      // The fraction tells two tabs that sign in within one millisecond apart.
      const startedAt = Math.max(clock.wall(), (record?.startedAt ?? 0) + 1) + Math.random();
      become(toRecord(tokens, { user, startedAt, issuedAt: sent.wallMs }), "login", sent.monotonicMs);
      await settle();
    },
    signOut: () => end("user"),
    async endBy(reason, sessionId) {
      const now = present();
      // A step-up ends the session before its own tab has the new one: a verdict waits for it, and looks again.
      if (now?.sessionId === sessionId && reason && verdicts[reason]) {
        await lock(() => believe(reason, now), VERDICT_WAIT_MS);
      }
    },
    replace: lock,
    wake() {
      backoff.wake();
      const isAway = "freshness" in state && state.freshness === "unreachable";
      (isAway ? startRefresh("manual") : settle() as Promise<unknown>).catch(ignore);
    },
    takeStamp,
  };
}
