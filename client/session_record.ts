import type { Tokens, User } from "@watchword/shared/contract";

/** A session, or what is left of one: without a user it is over. */
export interface SessionRecord {
  sessionId: string;
  /** Orders sessions: wall-clock milliseconds of the sign-in, and later than every other that was known then. */
  startedAt: number;
  user: User | null;
  generation: number;
  accessToken: string;
  refreshToken: string;
  /** Wall-clock milliseconds when the tokens were asked for. The access token lives this long from then. */
  issuedAt: number;
  expiresInSeconds: number;
  /** The attempt id of a refresh that was begun and not answered; sent again until it is. */
  attemptId?: string | undefined;
}

/** A session that somebody is signed in with. */
export type LiveRecord = SessionRecord & { user: User };

/** Builds the record of fresh tokens. */
export function toRecord(
  { sessionId, generation, accessToken, refreshToken = "", expiresInSeconds }: Tokens,
  about: { user: User; startedAt: number; issuedAt: number },
): LiveRecord {
  return { ...about, sessionId, generation, accessToken, refreshToken, expiresInSeconds };
}

/** Builds what is left of a session. */
export function toEnded(record: SessionRecord): SessionRecord {
  return { ...record, user: null, accessToken: "", refreshToken: "" };
}

/** Tells tokens from whatever else a captive portal or a proxy may answer 200 with. */
export function isTokens(data: unknown): data is Tokens {
  const { accessToken, sessionId, generation, expiresInSeconds } = Object(data);
  return [accessToken, sessionId].every((text) => typeof text === "string") &&
    [generation, expiresInSeconds].every(Number.isFinite);
}
