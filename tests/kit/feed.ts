import { type FeedStamp, parseRows, parseStamp } from "../../server/denylist/feed_format.ts";
import { readText } from "../../server/verifier/fetch_from.ts";
import { readEvents } from "../../server/verifier/read_events.ts";
import { feedToken } from "./verifier.ts";

/** What a service says of its denylist, as a follower reads it. */
export interface OpenFeed extends AsyncDisposable {
  response: Response;
  /** Reads up to the next stamp, or null at the end. */
  next(): Promise<{ ids: string[]; stamp: FeedStamp; lastEventId: string } | null>;
}

/** Follows a service's feed by hand. */
export async function openFeed(
  origin: string,
  { token = feedToken, lastEventId }: { token?: string; lastEventId?: string } = {},
): Promise<OpenFeed> {
  const abort = new AbortController();
  const response = await fetch(`${origin}/revocations`, {
    headers: {
      authorization: `Bearer ${token}`,
      ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
    },
    signal: abort.signal,
  });
  const events = readEvents(readText(response), { maxLength: 1e6 });
  return {
    response,
    async next() {
      const ids: string[] = [];
      for (;;) {
        const { value, done } = await events.next();
        if (done) return null;
        if (value.event === "rows") {
          ids.push(...parseRows(value.data).map(({ sessionId, userId }) => sessionId ?? userId ?? ""));
        }
        if (value.event === "stamp") {
          return { ids, stamp: parseStamp(value.data), lastEventId: value.id ?? "" };
        }
      }
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      await response.body?.cancel().catch(() => {});
      await events.return(undefined).catch(() => {});
    },
  };
}
