import type { Db } from "./connect.ts";
import { auditEvents } from "./schema.ts";

/** One line of the audit trail. It holds ids and reasons, never a secret or free text from a request. */
export type AuditEvent =
  & Pick<typeof auditEvents.$inferInsert, "event" | "ok">
  & Partial<Pick<typeof auditEvents.$inferInsert, "reason" | "userId" | "sessionId" | "ip" | "requestId">>;

/** Appends to the audit trail, in the transaction of what it tells about. */
export async function insertAuditEvent(db: Db, event: AuditEvent): Promise<void> {
  await db.insert(auditEvents).values(event);
}
