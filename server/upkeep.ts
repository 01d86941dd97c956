import type { Log } from "./observe/log.ts";
import { describeBug } from "./observe/log.ts";
import type { Store } from "./store/connect.ts";
import { pruneBatch, prunedKinds } from "./store/prune.ts";
import {
  dropRetiredSigningKeys,
  insertPendingSigningKey,
  isRotationDue,
  type KeyLifetimes,
  lockSigningKeys,
  promoteSigningKey,
} from "./store/signing_keys.ts";
import type { KeyRing } from "./tokens/key_ring.ts";
import { generateSigningKey } from "./tokens/signing_key.ts";

/** What every instance does about once a minute. Any number of instances may. */
export interface Upkeep {
  /** Does it now: moves the signing keys along, reads them again, and deletes what has expired. */
  run(): Promise<void>;
  start(): void;
  stop(): void;
}

interface UpkeepDeps {
  store: Store;
  keyRing: KeyRing;
  encryptionKey: CryptoKey;
  keyLifetimes: KeyLifetimes;
  log: Log;
}

const PERIOD_MS = 50_000;
const PERIOD_JITTER_MS = 10_000;
const BATCHES_MAX = 100;

/** Builds the upkeep; `start` repeats it. */
export function createUpkeep({ store, keyRing, encryptionKey, keyLifetimes, log }: UpkeepDeps): Upkeep {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = true;

  async function moveKeysAlong(): Promise<void> {
    const made = await generateSigningKey(encryptionKey);
    const { promoted, isPublished } = await store.transaction(async (tx) => {
      await lockSigningKeys(tx);
      const promoted = await promoteSigningKey(tx);
      const isPublished = await isRotationDue(tx, keyLifetimes);
      if (isPublished) await insertPendingSigningKey(tx, made, keyLifetimes.pendingSeconds);
      await dropRetiredSigningKeys(tx, keyLifetimes);
      return { promoted, isPublished };
    });
    if (promoted !== null) log.info("signing key rotated", { kid: promoted });
    if (isPublished) log.info("signing key published", { kid: made.kid });
    await keyRing.reload();
  }

  async function prune(kind: string): Promise<void> {
    for (let batches = 0; batches < BATCHES_MAX; batches++) {
      if (!(await store.query((db) => pruneBatch(db, kind))).hasMore) return;
    }
  }

  // What fails must not keep the rest from being done.
  async function run(): Promise<void> {
    const failures: unknown[] = [];
    await moveKeysAlong().catch((error) => failures.push(error));
    for (const kind of prunedKinds) await prune(kind).catch((error) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  function schedule(): void {
    if (isStopped) return;
    timer = setTimeout(() => {
      run().catch((error) => log.error("upkeep failed", describeBug(error))).finally(schedule);
    }, PERIOD_MS + Math.random() * PERIOD_JITTER_MS);
  }

  return {
    run,
    start() {
      isStopped = false;
      schedule();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
