import { type Clock, elapsedMs, type Stamp, takeStamp } from "../clock.ts";
import type { DatabaseClock } from "../database_clock.ts";
import type { DatedDenylistRow, DenylistPage, DenylistRow } from "../store/denylist.ts";
import { type ChangeLog, createChangeLog } from "./change_log.ts";
import { createEntries, type DenylistQuestion } from "./entries.ts";

/** What a copy can pass on of itself. */
export interface ReplicaView {
  /** Milliseconds since the last snapshot was asked for; Infinity before the first, or while it overflows. */
  leaseAgeMs(): number;
  /** The database's time at the last reading, in seconds since 1970. */
  readonly readAtSeconds: number;
  /** Everything in it, read lazily; what is added meanwhile is in `changes` for sure. */
  rows(): Iterable<DatedDenylistRow>;
  readonly changes: ChangeLog;
}

/** This instance's copy of the denylist, and how long it may be trusted. */
export interface Replica extends ReplicaView {
  /** Adds entries. They leave only by expiry: what was denied once is never undone by a sync. */
  add(rows: readonly DatedDenylistRow[]): void;
  isDenied(question: DenylistQuestion): boolean;
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
  const entries = createEntries();
  const changes = createChangeLog();
  let horizon = 0n;
  let readAtSeconds = 0;
  let lease: Stamp | undefined;
  let fullyRead: Stamp | undefined;
  let isOverflowing = false;
  let syncing: Promise<void> | undefined;

  function add(rows: readonly DatedDenylistRow[]): void {
    changes.append(entries.add(rows));
    if (entries.size > max) isOverflowing = true;
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
    readAtSeconds = page.dbNowSeconds;
    // By the database's own word, never by an estimate: a clock that was set must not let a denied session back in.
    entries.dropExpired(readAtSeconds);
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
    isDenied: entries.isDenied,
    rows: entries.rows,
    changes,
    get readAtSeconds() {
      return readAtSeconds;
    },
    leaseAgeMs() {
      if (lease === undefined || isOverflowing) return Infinity;
      return elapsedMs(clock, lease);
    },
    sync: () => syncing ??= readNow().finally(() => syncing = undefined),
    distrust,
    get size() {
      return entries.size;
    },
    get isOverflowing() {
      return isOverflowing;
    },
  };
}
