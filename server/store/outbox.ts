import type { Db } from "./connect.ts";
import { outbox } from "./schema.ts";

/** A notice to a user, queued in the transaction of what it tells about. */
export interface Notice {
  kind: "refresh_token_reused";
  userId: string;
  sessionId: string;
}

/** Queues a notice. */
export async function insertNotice(tx: Db, { kind, userId, sessionId }: Notice): Promise<void> {
  await tx.insert(outbox).values({ kind, userId, payload: { sessionId } });
}
