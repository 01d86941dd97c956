import { type Clock, elapsedMs, type Stamp } from "../clock.ts";
import { createEntries, type DenylistQuestion } from "../denylist/entries.ts";
import { type FeedStamp, parseRows, parseStamp } from "../denylist/feed_format.ts";
import type { StreamEvent } from "./read_events.ts";

/** What is known here of revocations, and how long it may be trusted. */
export interface RevocationCopy {
  /** Denied stays denied; `unknown` when what is known is older than S. */
  ask(question: DenylistQuestion): "allowed" | "denied" | "unknown";
  /**
   * Takes over an event of an answer that was asked for at `sent`.
   *
   * @returns for a stamp how long it was on its way at the most
   * @throws for an event that the service does not send, or by which this machine has stood still
   */
  take(event: StreamEvent, sent: Stamp): { lateMs: number } | null;
  /** What the last stamp stands for; what came since is not counted. */
  readonly lastEventId: string | null;
}

/** Five times what an instance of the service keeps by default; about 100 bytes each. */
const ENTRIES_MAX = 1_000_000;
const EVENT_ID_MAX_LENGTH = 64;
/** Above what two clocks part in the life of an answer. */
const AHEAD_MAX_MS = 2_000;

/** Builds an empty copy, which may not be trusted until its first stamp. */
export function createRevocationCopy(
  { clock, maxStalenessSeconds }: { clock: Clock; maxStalenessSeconds: number },
): RevocationCopy {
  const entries = createEntries();
  let lastEventId: string | null = null;
  let lease: { sent: Stamp; coveredMs: number } | undefined;

  const ageOf = ({ sent, coveredMs }: NonNullable<typeof lease>) => elapsedMs(clock, sent) - coveredMs;

  function takeStamp({ openMs, leaseAgeMs: sentAgeMs, readAtSeconds }: FeedStamp, sent: Stamp): number {
    // By both clocks: the service's may be ahead of ours, and ours may be set back.
    entries.dropExpired(Math.min(readAtSeconds, clock.now().getTime() / 1_000));
    // The service began to answer after we had asked. So whatever time the stamp spent on its way or in a buffer
    // makes it old, and a stamp that is merely late is never taken for a new one.
    const waitedMs = elapsedMs(clock, sent);
    // It cannot have been answering for longer than we have waited. So this machine stood still, both its clocks with
    // it, and no age that they tell is true.
    if (openMs - waitedMs > AHEAD_MAX_MS) {
      lease = undefined;
      throw new Error("stood still");
    }
    if (sentAgeMs !== null) {
      const taken = { sent, coveredMs: Math.min(waitedMs, openMs) - sentAgeMs };
      if (lease === undefined || ageOf(taken) <= ageOf(lease)) lease = taken;
    }
    return waitedMs - openMs;
  }

  return {
    ask(question) {
      if (entries.isDenied(question)) return "denied";
      return lease && ageOf(lease) <= maxStalenessSeconds * 1_000 ? "allowed" : "unknown";
    },
    take({ event, data, id }, sent) {
      if (event === "rows") {
        entries.add(parseRows(data));
        if (entries.size > ENTRIES_MAX) throw new Error("too many revocations");
      }
      if (event !== "stamp") return null;
      const lateMs = takeStamp(parseStamp(data), sent);
      lastEventId = id !== undefined && id.length <= EVENT_ID_MAX_LENGTH ? id : null;
      return { lateMs };
    },
    get lastEventId() {
      return lastEventId;
    },
  };
}
