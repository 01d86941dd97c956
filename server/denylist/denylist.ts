import type { Clock } from "../clock.ts";
import type { DatabaseClock } from "../database_clock.ts";
import type { Log } from "../observe/log.ts";
import type { Db, Store } from "../store/connect.ts";
import {
  type DatedDenylistRow,
  DENYLIST_CHANNEL,
  notifyDenylist,
  prepareDenylistLookup,
  readDenylistSince,
} from "../store/denylist.ts";
import { DatabaseUnavailable, isDatabaseUnavailable } from "../store/errors.ts";
import { acrossPauses } from "./across_pauses.ts";
import { coalesce } from "./coalesce.ts";
import type { DenylistQuestion } from "./entries.ts";
import { createReplica, indexRows, type ReplicaView } from "./replica.ts";
import { createWakeUps } from "./wake_ups.ts";

/** How a question is answered: by Postgres, or by this instance's copy. */
export type DenylistSource = "database" | "replica";

/** Tells which sessions were ended before their access tokens expired. */
export interface Denylist {
  /**
   * `database`: a look-up that begins after the call, so a revocation committed anywhere before it is seen.
   * When Postgres does not answer within 1 s, the copy answers while it is younger than S.
   * `replica`: the copy alone.
   *
   * @throws DatabaseUnavailable when neither may answer: nobody can know
   */
  isDenied(question: DenylistQuestion, source: DenylistSource): Promise<boolean>;
  /** Tells this instance at once, and the others soon, what was committed. Never throws. */
  announce(rows: readonly DatedDenylistRow[]): void;
  /** Calls back about every second, and when something new was read. @returns what stops it */
  onTick(listener: () => void): () => void;
  /** This instance's copy, for those who follow it. */
  readonly replica: ReplicaView;
  /** Reads what is new now. @throws DatabaseUnavailable */
  refresh(): Promise<void>;
  start(): Promise<void>;
  close(): void;
}

interface DenylistDeps {
  store: Store;
  clock: Clock;
  databaseClock: DatabaseClock;
  log: Log;
  /** S: how old the copy may be, in seconds. */
  maxStalenessSeconds: number;
  /** Entries that the copy may hold. */
  replicaMax: number;
}

const LOOKUP_DEADLINE_MS = 1_000;
const SYNC_WAIT_MS = 1_000;

/** Builds the denylist over Postgres. */
export function createDenylist(deps: DenylistDeps): Denylist {
  const { store, clock, databaseClock, log, maxStalenessSeconds, replicaMax } = deps;
  const replica = createReplica({
    read: (horizon, max) => store.query((db) => readDenylistSince(db, horizon, max)),
    clock,
    databaseClock,
    max: replicaMax,
  });
  const wakeUps = createWakeUps({
    sync: syncNow,
    notify: () => store.query(notifyDenylist, LOOKUP_DEADLINE_MS),
  });

  const lookups = new WeakMap<Db, ReturnType<typeof prepareDenylistLookup>>();
  const lookUp = async (questions: DenylistQuestion[]) => {
    const rows = await store.query((db) => {
      const lookup = lookups.get(db) ?? prepareDenylistLookup(db);
      lookups.set(db, lookup);
      return lookup({
        sessionIds: questions.map((question) => question.sessionId),
        userIds: questions.map((question) => question.userId),
      });
    }, LOOKUP_DEADLINE_MS);
    return indexRows(rows);
  };
  const askDatabase = coalesce(acrossPauses(lookUp, { clock, deadlineMs: LOOKUP_DEADLINE_MS }));

  async function syncNow(): Promise<void> {
    const wasOverflowing = replica.isOverflowing;
    await replica.sync();
    if (replica.isOverflowing === wasOverflowing) return;
    if (wasOverflowing) log.info("denylist replica fits again", { size: replica.size });
    else log.warn("denylist replica is full: the database answers alone", { max: replicaMax });
  }

  const isLeased = () => replica.leaseAgeMs() <= maxStalenessSeconds * 1_000;

  function peek(question: DenylistQuestion): "allowed" | "denied" | "unknown" {
    if (replica.isDenied(question)) return "denied";
    return isLeased() ? "allowed" : "unknown";
  }

  async function askReplica(question: DenylistQuestion): Promise<boolean> {
    if (peek(question) === "unknown") await within(syncNow(), SYNC_WAIT_MS).catch(() => {});
    const answer = peek(question);
    if (answer !== "unknown") return answer === "denied";
    // Too many entries for the copy is no outage: the database still knows.
    if (replica.isOverflowing) return await askDatabase(question);
    throw new DatabaseUnavailable("the copy of the denylist is too old to answer");
  }

  return {
    async isDenied(question, source) {
      // What this instance knows stands, even where a failover lost the row.
      if (replica.isDenied(question)) return true;
      if (source === "replica") return await askReplica(question);
      try {
        return await askDatabase(question);
      } catch (error) {
        if (!isDatabaseUnavailable(error)) throw error;
        const answer = peek(question);
        if (answer === "unknown") throw error;
        return answer === "denied";
      }
    },
    announce(rows) {
      if (rows.length === 0) return;
      replica.add(rows);
      wakeUps.announce();
    },
    onTick: wakeUps.onTick,
    replica,
    refresh: syncNow,
    async start() {
      await syncNow();
      wakeUps.start();
      // Hints only, so neither their absence nor their end is an error.
      store.listen(DENYLIST_CHANNEL, wakeUps.hint, () => {
        replica.distrust();
        wakeUps.hint();
      }).catch(() => log.warn("LISTEN is not to be had; polling alone carries revocations"));
    },
    close: wakeUps.stop,
  };
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DatabaseUnavailable("no answer in time")), ms);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
