import type { DatedDenylistRow } from "../store/denylist.ts";

/** How fresh what was sent before it is. */
export interface FeedStamp {
  /** By the sender's clock that never jumps: milliseconds since it began to answer. */
  openMs: number;
  /** How old the sender's copy was then, in milliseconds; null when it may not be trusted at all. */
  leaseAgeMs: number | null;
  /** The database's time at the sender's last reading, in seconds since 1970: what has expired by it may go. */
  readAtSeconds: number;
}

/** Rows of one event, about 100 bytes each. */
export const FEED_PAGE_MAX = 1_000;
/** Longest event that a follower reads. */
export const FEED_EVENT_MAX_LENGTH = 256 * 1_024;

/** What followers show, on both sides: visible ASCII, which a header can carry, and no comma, which joins headers. */
export const feedTokenShape = /^[!-+\--~]{32,4096}$/;
/** What a token must be, to go behind its name; never the token itself. */
export const FEED_TOKEN_RULE = "must be 32 to 4096 visible ASCII characters, no comma";

/** @throws RangeError for a token that cannot be one */
export function requireFeedToken(name: string, token: string): string {
  if (!feedTokenShape.test(token)) throw new RangeError(`${name} ${FEED_TOKEN_RULE}`);
  return token;
}

const ID_MAX_LENGTH = 64;
const isId = (value: unknown) =>
  value === null || (typeof value === "string" && value.length <= ID_MAX_LENGTH);
const isAmount = (value: unknown): value is number => Number.isFinite(value) && Number(value) >= 0;

/** An event with rows: a JSON array of `[session id, user id, least epoch, end in seconds since 1970]`. */
export function writeRows(rows: readonly DatedDenylistRow[]): string {
  const tuples = rows.map((row) => [row.sessionId, row.userId, row.minEpoch, row.expiresAtSeconds]);
  return `event: rows\ndata: ${JSON.stringify(tuples)}\n\n`;
}

/** A stamp: whoever has read it has all that its `id` stands for, and may resume from there. */
export function writeStamp(id: string, stamp: FeedStamp): string {
  return `event: stamp\nid: ${id}\ndata: ${JSON.stringify(stamp)}\n\n`;
}

/** Reads the data of a `rows` event. @throws when it is anything else */
export function parseRows(data: string): DatedDenylistRow[] {
  const tuples: unknown = JSON.parse(data);
  if (!Array.isArray(tuples)) throw new Error("no rows");
  return tuples.map((tuple) => {
    const [sessionId, userId, minEpoch, expiresAtSeconds] = Array.isArray(tuple) ? tuple : [];
    const isRow = isId(sessionId) && isId(userId) && (minEpoch === null || isAmount(minEpoch)) &&
      isAmount(expiresAtSeconds);
    if (!isRow) throw new Error("no row");
    return { sessionId, userId, minEpoch, expiresAtSeconds };
  });
}

/** Reads the data of a `stamp` event. @throws when it is anything else */
export function parseStamp(data: string): FeedStamp {
  const { openMs, leaseAgeMs, readAtSeconds } = JSON.parse(data);
  if (!isAmount(openMs) || !(leaseAgeMs === null || isAmount(leaseAgeMs)) || !isAmount(readAtSeconds)) {
    throw new Error("no stamp");
  }
  return { openMs, leaseAgeMs, readAtSeconds };
}
