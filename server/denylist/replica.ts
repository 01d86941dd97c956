import { type Clock, elapsedMs, type Stamp, takeStamp } from "../clock.ts";
import type { DatabaseClock } from "../database_clock.ts";
import type { DatedDenylistRow, DenylistPage, DenylistRow } from "../store/denylist.ts";

/** What of an access token the denylist is asked about. Never the token itself or its hash. */
export interface DenylistQuestion {
  sessionId: string;
  userId: string;
  epoch: number;
}

/** This instance's copy of the denylist, and how long it may be trusted. */
export interface Replica {
  /** Adds entries. They leave only by expiry: what was denied once is never undone by a sync. */
  add(rows: readonly DatedDenylistRow[]): void;
  isDenied(question: DenylistQuestion): boolean;
  /** Milliseconds since the last snapshot was asked for; Infinity before the first, or while it overflows. */
  leaseAgeMs(): number;
  /** Reads what is new. Callers at the same time share one reading. @throws when the database does not answer */
  sync(): Promise<void>;
  /** The next sync reads everything. */
  distrust(): void;
  readonly size: number;
  readonly isOverflowing: boolean;
}

interface ReplicaDeps {
  read: (horizon: bigint, max: number) => Promise<DenylistPage>;
  clock: Clock;
  databaseClock: DatabaseClock;
  /** Entries, about 100 bytes each. */
  max: number;
}

const FULL_RELOAD_MS = 60_000;
/** Above every transaction that Postgres can have. */
const BEYOND_ALL = 2n ** 63n - 1n;

/** Answers a question from rows. */
export function indexRows(rows: readonly DenylistRow[]): (question: DenylistQuestion) => boolean {
  const sessionIds = new Set<string>();
  const minEpochs = new Map<string, number>();
  for (const { sessionId, userId, minEpoch } of rows) {
    if (sessionId !== null) sessionIds.add(sessionId);
    if (userId !== null) minEpochs.set(userId, Math.max(minEpochs.get(userId) ?? 0, minEpoch ?? Infinity));
  }
  return ({ sessionId, userId, epoch }) => sessionIds.has(sessionId) || epoch < (minEpochs.get(userId) ?? 0);
}

/** Builds an empty replica, which denies nothing and may not be trusted until its first sync. */
export function createReplica({ read, clock, databaseClock, max }: ReplicaDeps): Replica {
  const sessions = new Map<string, number>();
  const minEpochs = new Map<string, { minEpoch: number; expiresAtSeconds: number }>();
  let horizon = 0n;
  let lease: Stamp | undefined;
  let fullyRead: Stamp | undefined;
  let isOverflowing = false;
  let syncing: Promise<void> | undefined;

  function add(rows: readonly DatedDenylistRow[]): void {
    for (const { sessionId, userId, minEpoch, expiresAtSeconds } of rows) {
      if (sessionId !== null) {
        sessions.set(sessionId, Math.max(sessions.get(sessionId) ?? 0, expiresAtSeconds));
      }
      if (userId !== null) {
        const known = minEpochs.get(userId);
        minEpochs.set(userId, {
          minEpoch: Math.max(known?.minEpoch ?? 0, minEpoch ?? Infinity),
          expiresAtSeconds: Math.max(known?.expiresAtSeconds ?? 0, expiresAtSeconds),
        });
      }
    }
    if (size() > max) isOverflowing = true;
  }

  const size = () => sessions.size + minEpochs.size;

  // By the database's own word, never by an estimate: a clock that was set must not let a denied session back in.
  function dropExpired(nowSeconds: number): void {
    for (const [id, expiresAtSeconds] of sessions) if (expiresAtSeconds <= nowSeconds) sessions.delete(id);
    for (const [id, entry] of minEpochs) if (entry.expiresAtSeconds <= nowSeconds) minEpochs.delete(id);
  }

  async function readNow(): Promise<void> {
    // Stamped before the question is sent: whatever commits later may be missing from the answer.
    const asked = takeStamp(clock);
    const isFull = fullyRead === undefined || elapsedMs(clock, fullyRead) >= FULL_RELOAD_MS;
    // Too many to copy, and still so: only the time is asked for, until the next full reading is due.
    const from = isFull ? 0n : isOverflowing ? BEYOND_ALL : horizon;
    let page = await readOrDistrust(from);
    // Another server, or one restored from a backup: its numbers mean something else.
    if (!isOverflowing && !isFull && page.horizon < horizon) page = await readOrDistrust(0n);
    databaseClock.observe(page.dbNowSeconds, asked);
    dropExpired(page.dbNowSeconds);
    if (isFull) fullyRead = asked;
    if (from === BEYOND_ALL) return;
    isOverflowing = page.rows === null;
    add(page.rows ?? []);
    if (isOverflowing) return;
    horizon = page.horizon;
    lease = asked;
  }

  async function readOrDistrust(from: bigint): Promise<DenylistPage> {
    try {
      return await read(from, max);
    } catch (error) {
      // After a break the server may be another one, so nothing is taken over from before.
      distrust();
      throw error;
    }
  }

  function distrust(): void {
    fullyRead = undefined;
  }

  return {
    add,
    isDenied: ({ sessionId, userId, epoch }) =>
      sessions.has(sessionId) || epoch < (minEpochs.get(userId)?.minEpoch ?? 0),
    leaseAgeMs() {
      if (lease === undefined || isOverflowing) return Infinity;
      return elapsedMs(clock, lease);
    },
    sync: () => syncing ??= readNow().finally(() => syncing = undefined),
    distrust,
    get size() {
      return size();
    },
    get isOverflowing() {
      return isOverflowing;
    },
  };
}
