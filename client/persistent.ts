import type { Tokens } from "@watchword/shared/contract";
import { attemptIdPattern } from "./attempt_id.ts";
import { createQueue } from "./create_queue.ts";
import { limit } from "./limit.ts";
import { isTokens, type SessionRecord, toEnded } from "./session_record.ts";
import type { SessionHost, SessionStorage, SharedSession } from "./shared_session.ts";
import type { TokenStore } from "./token_store.ts";

const VERSION = 1;
const ANSWER_MAX_MS = 3_000;

const noTokens = { accessToken: "", refreshToken: "" };
const isEqual = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/**
 * Makes a store of your own one for the option `storage`.
 *
 * @example
 * ```ts ignore
 * createAuthClient<AppRouter>({ url, storage: persistent({ get, set }) });
 * ```
 */
export function persistent<Store extends TokenStore>(store: Store): Store & SessionStorage {
  return {
    ...store,
    // A copy with other functions is shared with those.
    share(host) {
      return shareSession(this, host);
    },
  };
}

// Within a session: the higher generation, a refresh that has begun, and last of all the end.
const rankOf = ({ user, generation, attemptId }: SessionRecord) =>
  user ? generation + (attemptId ? 0.5 : 0) : Infinity;

/**
 * The one order of all that tabs may hold: the later sign-in, and within a session what came later. Whatever happens
 * in a tab makes a newer record, so it does not matter who wrote the store last.
 */
export function isNewer(a: SessionRecord, b: SessionRecord): boolean {
  if (a.sessionId === b.sessionId) return rankOf(a) > rankOf(b);
  return a.startedAt === b.startedAt ? a.sessionId > b.sessionId : a.startedAt > b.startedAt;
}

// To which 1 can be added: nothing that is stored may stand above everything that can come.
const isOrdinal = (value: unknown) => typeof value === "number" && value >= 0 && value < 2 ** 50;

/** Writes a record as the string that is stored; in cookie mode without its tokens. */
export function encodeRecord(record: SessionRecord, { isCookieMode = false } = {}): string {
  return JSON.stringify({ v: VERSION, ...record, ...(isCookieMode && noTokens) });
}

/** Reads a stored string. Anything that is not a record of this version is null: it is ignored, never trusted. */
export function decodeRecord(text: string | null): SessionRecord | null {
  try {
    const { v, ...record } = Object(JSON.parse(text ?? ""));
    const { user, refreshToken, generation, startedAt, issuedAt, attemptId } = record;
    const isRecord = v === VERSION && isTokens(record) && (user === null || typeof user.id === "string") &&
      typeof refreshToken === "string" && [generation, startedAt].every(isOrdinal) &&
      Number.isFinite(issuedAt) &&
      (attemptId === undefined || attemptIdPattern.test(attemptId));
    return isRecord ? record as Tokens & SessionRecord : null;
  } catch {
    return null;
  }
}

/** Shares a session over a store that may be forbidden, full, slow or silent. */
function shareSession(store: TokenStore, host: SessionHost): SharedSession {
  const { key, lockWaitMs, clock, isCookieMode, life } = host;
  const ask = <T>(run: () => T | Promise<T>) => limit(run, { ms: ANSWER_MAX_MS, signals: [life] });
  const enqueue = createQueue();
  /** What is in the store, as far as is known. */
  let known: SessionRecord | null = null;
  /** The last session that was seen there, whatever became of it. */
  let knownId: string | undefined;
  /** The end of a session that was cleared with the storage: nobody else is told of it. */
  let cleared: SessionRecord | null = null;

  async function settle(via: "restored" | "other_tab" = "other_tab"): Promise<void> {
    const ours = host.record;
    let stored: SessionRecord | null;
    try {
      stored = decodeRecord(await ask(() => store.get(key)));
    } catch {
      if (via === "restored" && !life.aborted) {
        host.emit({ type: "storage", outcome: "unreadable" });
        // One that is merely slow is looked at again.
        void settle();
      }
      const { record } = host;
      return record && record !== known ? await save(record) : undefined;
    }
    if (life.aborted) return;
    // What was read while ours changed says nothing about which came later.
    if (ours !== host.record) return await settle(via);
    if (stored === null && ours && known?.sessionId === ours.sessionId) {
      known = null;
      if (ours.user) host.become(toEnded(ours), "storage_cleared");
      cleared = host.record;
    } else if (ours && ours === cleared) {
      if (stored) adopt(stored, null, via);
    } else if (stored && ours && isFromTheFuture(stored, ours)) {
      host.become({ ...ours, startedAt: stored.startedAt + 1 }, via);
      await settle();
    } else if (stored && !(ours && isNewer(ours, stored))) {
      adopt(stored, ours, via);
    } else if (ours && (ours.user || stored)) {
      await save(ours);
    }
  }

  /** Tells a record of a wrong clock, when ours is a sign-in that the store could not be asked about. */
  function isFromTheFuture(stored: SessionRecord, ours: SessionRecord): boolean {
    const isUnsaved = ours.user !== null && ours.sessionId !== knownId;
    const isAnother = stored.sessionId !== ours.sessionId && isNewer(stored, ours);
    return isUnsaved && isAnother && stored.startedAt > clock.wall() + 1;
  }

  function adopt(stored: SessionRecord, ours: SessionRecord | null, via: "restored" | "other_tab"): void {
    const next = merge(ours, stored);
    if (!isEqual(next, ours)) host.become(next, stored.user ? via : "other_tab");
    known = host.record;
    knownId = stored.sessionId;
  }

  function merge(ours: SessionRecord | null, stored: SessionRecord): SessionRecord {
    const { generation, attemptId } = stored;
    const isSame = stored.sessionId === ours?.sessionId;
    // In cookie mode no token is stored, and none is believed: each tab has its own.
    const next = !isCookieMode
      ? stored
      : isSame && stored.user
      ? { ...ours, generation, attemptId }
      : { ...stored, ...noTokens };
    return { ...next, user: ours?.user && isEqual(ours.user, stored.user) ? ours.user : stored.user };
  }

  // A full or forbidden store costs the session its future, never its present.
  async function save(ours: SessionRecord): Promise<void> {
    let isLost = false;
    async function write(): Promise<void> {
      await store.set(key, encodeRecord(ours, { isCookieMode }));
      // Given up and written all the same: something newer may have been there.
      if (isLost) void settle();
    }
    // In the order in which they were asked for: what is slow to be written must not come after its end.
    await enqueue(() => ask(write)).catch(() => isLost = true);
    known = isLost ? null : ours;
    if (isLost) host.emit({ type: "storage", outcome: "write_failed" });
    else knownId = ours.sessionId;
  }

  // A browser that forbids storage may forbid its events with a throw.
  try {
    const unwatch = store.watch?.(key, () => void settle());
    if (unwatch) life.addEventListener("abort", unwatch);
  } catch {
    host.emit({ type: "storage", outcome: "unreadable" });
  }

  return {
    settle,
    async lock(run, waitMs = lockWaitMs) {
      if (!store.lock) return await run(true);
      let hasRun = false;
      const once = (isAlone: boolean) => {
        hasRun = true;
        return run(isAlone);
      };
      return await store.lock(key, waitMs, once).catch((error) => {
        if (hasRun) throw error;
        return run(false);
      });
    },
  };
}
