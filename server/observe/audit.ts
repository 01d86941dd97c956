import type { Clock } from "../clock.ts";
import { finishWithin } from "../finish_within.ts";
import type { RequestFacts } from "../request.ts";
import { insertAuditEvent } from "../store/audit_events.ts";
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
}

const WINDOW_SECONDS = 60;
// The refusal is what the caller waits for; its row may come later.
const CALLER_WAITS_MS = 250;

/** Builds the trail over Postgres. */
export function createAudit({ store, clock, log }: { store: Store; clock: Clock; log: Log }): Audit {
  const recent = createLocalCounter(clock);
  return {
    async refused(event, { reason, userId, sessionId, request: { ip, requestId } }) {
      const { count } = recent.countUp(`${event}\n${reason}\n${sessionId}`, WINDOW_SECONDS);
      if (count > 1) return;
      const written = store.query((db) =>
        insertAuditEvent(db, { event, ok: false, reason, userId, sessionId, ip, requestId })
      ).catch((error) => log.warn("audit event lost", { refused: event, reason, ...describeBug(error) }));
      await finishWithin(CALLER_WAITS_MS, () => written).catch(() => {});
    },
  };
}
