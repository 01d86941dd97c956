import type { Clock } from "../clock.ts";
import { finishWithin } from "../finish_within.ts";
import type { RequestFacts } from "../request.ts";
import { insertAuditEvent } from "../store/audit_events.ts";
import { createAdmission } from "../store/admission.ts";
import type { Store } from "../store/connect.ts";
import { createLocalCounter } from "../throttle/local_counter.ts";
import { describeBug, type Log } from "./log.ts";

/** A refusal that concerns a known account. */
export interface AuditedRefusal {
  reason: string;
  userId: string;
  sessionId: string;
  request: RequestFacts;
}

/** The audit trail of what was refused; what was done is written in the transaction that does it. */
export interface Audit {
  /** Appends a refusal, once a minute for the same one, so that a flood fills no table. Never throws. */
  refused(event: string, refusal: AuditedRefusal): Promise<void>;
  /** Waits for the rows that are being written. */
  settle(): Promise<void>;
}

const WINDOW_SECONDS = 60;
// The refusal is what the caller waits for; its row may come later.
const CALLER_WAITS_MS = 250;
const WRITE_MAX_MS = 2_000;

/** Builds the trail over Postgres. */
export function createAudit({ store, clock, log }: { store: Store; clock: Clock; log: Log }): Audit {
  const recent = createLocalCounter(clock);
  // However slow the table is, it takes few of the database's places from those who are served.
  const admission = createAdmission({ places: 2, waitingMax: 64, silenceMs: Infinity, onSilence: () => {} });
  const underWay = new Set<Promise<void>>();
  return {
    async refused(event, { reason, userId, sessionId, request: { ip, requestId } }) {
      const { count } = recent.countUp(`${event}\n${reason}\n${sessionId}`, WINDOW_SECONDS);
      if (count > 1) return;
      const row = { event, ok: false, reason, userId, sessionId, ip, requestId };
      const written = admission.run(() => store.query((db) => insertAuditEvent(db, row)), WRITE_MAX_MS)
        .catch((error) => log.warn("audit event lost", { refused: event, reason, ...describeBug(error) }))
        .finally(() => underWay.delete(written));
      underWay.add(written);
      await finishWithin(CALLER_WAITS_MS, () => written).catch(() => {});
    },
    settle: async () => void await Promise.all(underWay),
  };
}
