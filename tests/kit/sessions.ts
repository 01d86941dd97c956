import type { RawAnswer, TestApp } from "./app.ts";

/** A session's row, as the database holds it. */
export interface StoredSession {
  id: string;
  generation: number;
  current_hash: Uint8Array;
  previous_hash: Uint8Array | null;
  attempt_hash: Uint8Array | null;
  rotated_at: Date | null;
  last_access_expires_at: Date;
  idle_expires_at: Date;
  absolute_expires_at: Date;
  revoked_at: Date | null;
  revoke_reason: string | null;
}

/** Reads a session's row. */
export async function readSession({ database }: TestApp, sessionId: string): Promise<StoredSession> {
  const [row] = await database.sql<StoredSession[]>`select * from sessions where id = ${sessionId}`;
  if (row === undefined) throw new Error(`there is no session ${sessionId}`);
  return { ...row };
}

/** Refreshes over HTTP. */
export function refresh(app: TestApp, refreshToken: string, attemptId?: string): Promise<RawAnswer> {
  return app.call("auth.refresh", {
    body: { refreshToken, ...(attemptId === undefined ? {} : { attemptId }) },
  });
}

/** Refreshes and returns the successor. */
export async function rotate(app: TestApp, refreshToken: string, attemptId?: string): Promise<string> {
  const { status, text, data } = await refresh(app, refreshToken, attemptId);
  if (status !== 200) throw new Error(text);
  return data.refreshToken;
}

/** What a refusal comes down to. */
export const outcome = ({ status, auth }: RawAnswer): string =>
  auth ? `${status} ${auth.reason}` : String(status);

/** An attempt id that no other test uses. */
export function makeAttemptId(): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, 21) + "A";
}
