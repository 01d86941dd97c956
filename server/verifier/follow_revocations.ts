import { type Clock, takeStamp } from "../clock.ts";
import { FEED_EVENT_MAX_LENGTH } from "../denylist/feed_format.ts";
import { fetchFrom, type FetchOptions, readText } from "./fetch_from.ts";
import { readEvents } from "./read_events.ts";
import type { RevocationCopy } from "./revocation_copy.ts";

/** A connection to the service's feed of revocations, made again whenever it breaks. */
export interface Following {
  /** Settles with the first stamp, or after 2 s. */
  readonly started: Promise<void>;
  /** Why there is no connection, or undefined. */
  readonly fault: unknown;
  /** Ends the connection, and settles when nothing runs any more. */
  close(): Promise<void>;
}

interface FollowDeps {
  url: string;
  token: string;
  copy: RevocationCopy;
  fetch: FetchOptions["fetch"];
  clock: Clock;
}

const START_MAX_MS = 2_000;
const ANSWER_MAX_MS = 2_000;
/** The service stamps every second: one that is silent for so long is not there, whatever TCP says. */
const SILENCE_MAX_MS = 3_000;
/** The way is slow, or our clock and the service's have parted: a new connection compares them anew. */
const LATE_MAX_MS = 2_000;
const RETRY_FIRST_MS = 100;
const RETRY_MOST_MS = 1_500;

/** Keeps a copy up to date until it is closed. Nothing is forgotten when a connection ends. */
export function followRevocations({ url, token, copy, fetch, clock }: FollowDeps): Following {
  let start = () => {};
  const started = new Promise<void>((resolve) => start = resolve);
  const startTimer = setTimeout(start, START_MAX_MS);
  let fault: unknown = new Error(`${url} has not answered yet`);
  let isClosed = false;
  let stopWaiting = () => {};

  /** Reads one answer to its end. */
  async function readAnswer(onStamp: () => void): Promise<void> {
    const abort = new AbortController();
    stopWaiting = () => abort.abort();
    let timer: ReturnType<typeof setTimeout> | undefined;
    function expectWithin(ms: number): void {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(new Error(`${url} is silent`)), ms);
    }
    try {
      expectWithin(ANSWER_MAX_MS);
      const sent = takeStamp(clock);
      const headers: Record<string, string> = {
        accept: "text/event-stream",
        authorization: `Bearer ${token}`,
      };
      if (copy.lastEventId !== null) headers["last-event-id"] = copy.lastEventId;
      const response = await fetchFrom(url, { fetch, signal: abort.signal, headers });
      for await (const event of readEvents(readText(response), { maxLength: FEED_EVENT_MAX_LENGTH })) {
        expectWithin(SILENCE_MAX_MS);
        const stamp = copy.take(event, sent);
        if (stamp === null) continue;
        onStamp();
        if (stamp.lateMs > LATE_MAX_MS) throw new Error(`${url} is late`);
      }
      throw new Error(`${url} has ended`);
    } finally {
      clearTimeout(timer);
      abort.abort();
    }
  }

  async function follow(): Promise<void> {
    let failures = 0;
    while (!isClosed) {
      try {
        await readAnswer(() => {
          failures = 0;
          fault = undefined;
          start();
        });
      } catch (error) {
        fault = error;
      }
      const mostMs = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** failures++);
      // Spread, so that verifiers that lost the same instance do not come back in one moment.
      await pause(Math.random() * mostMs);
    }
  }

  function pause(ms: number): Promise<void> {
    if (isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      stopWaiting = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  const following = follow();
  return {
    started,
    get fault() {
      return fault;
    },
    async close() {
      isClosed = true;
      clearTimeout(startTimer);
      start();
      stopWaiting();
      await following;
    },
  };
}
