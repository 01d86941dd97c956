import { createHash, timingSafeEqual } from "node:crypto";
import { refuse } from "../auth_error.ts";
import type { Clock } from "../clock.ts";
import { FEED_PAGE_MAX, requireFeedToken, writeRows, writeStamp } from "../denylist/feed_format.ts";
import type { ReplicaView } from "../denylist/replica.ts";
import type { DatedDenylistRow } from "../store/denylist.ts";
import { readBearer } from "../tokens/read_bearer.ts";

/** Passes this instance's copy of the denylist on to services that only verify (server-sent events). */
export interface RevocationFeed {
  /**
   * Answers with everything, or with what came after `Last-Event-ID`, then with what is new at once, and a stamp
   * at least every second.
   *
   * @throws TOKEN_MISSING | TOKEN_INVALID | OVERLOADED | UNAVAILABLE (while it drains)
   */
  serve(headers: Headers): Response;
  /** Ends every answer and begins none. */
  close(): void;
}

interface RevocationFeedDeps {
  replica: ReplicaView;
  /** Calls back about every second. @returns what stops it */
  onTick: (listener: () => void) => () => void;
  clock: Clock;
  /** What followers show. */
  token: string;
}

const FOLLOWERS_MAX = 256;
/** A follower that takes nothing for so long is dropped; nothing is kept for it meanwhile. */
const IDLE_MAX_MS = 10_000;
/** So that followers compare clocks anew, and those that left without a word are found. */
const LIFE_MAX_MS = 10 * 60_000;

const encoder = new TextEncoder();
const hash = (text: string) => createHash("sha256").update(text).digest();

function take(rows: Iterator<DatedDenylistRow>, max: number): DatedDenylistRow[] {
  const page: DatedDenylistRow[] = [];
  while (page.length < max) {
    const { value, done } = rows.next();
    if (done) break;
    page.push(value);
  }
  return page;
}

/** Builds the feed. @throws RangeError for a token that cannot be one */
export function createRevocationFeed({ replica, onTick, clock, token }: RevocationFeedDeps): RevocationFeed {
  const tokenHash = hash(requireFeedToken("revocationFeedToken", token));
  // The versions of another process mean something else.
  const boot = crypto.randomUUID();
  const enders = new Set<() => void>();
  let isClosed = false;

  function requireToken(authorization: string | null): void {
    const given = readBearer(authorization);
    if (given.status === "missing") throw refuse("TOKEN_MISSING");
    const isRight = given.status === "token" && timingSafeEqual(hash(given.token), tokenHash);
    if (!isRight) throw refuse("TOKEN_INVALID");
  }

  /** What a follower has, or null when only everything will do. */
  function readVersion(lastEventId: string | null): number | null {
    const [from, text = ""] = lastEventId?.split(".") ?? [];
    if (from !== boot || !/^\d{1,15}$/.test(text)) return null;
    return replica.changes.since(Number(text), 1) === null ? null : Number(text);
  }

  /** Reads piece by piece what a follower lacks. Nothing is buffered: each piece is made when it is asked for. */
  function createReader(lastEventId: string | null) {
    const openedMs = clock.monotonicMs();
    const known = readVersion(lastEventId);
    let everything = known === null ? replica.rows()[Symbol.iterator]() : undefined;
    let version = known ?? replica.changes.version;
    return {
      openMs: () => clock.monotonicMs() - openedMs,
      hasMore: () => everything !== undefined || version < replica.changes.version,
      /** Null when the follower has fallen too far behind. */
      read(): string | null {
        const page = everything ? take(everything, FEED_PAGE_MAX) : [];
        if (page.length > 0) return writeRows(page);
        everything = undefined;
        const rows = replica.changes.since(version, FEED_PAGE_MAX);
        if (rows === null) return null;
        version += rows.length;
        const text = rows.length > 0 ? writeRows(rows) : "";
        if (version < replica.changes.version) return text;
        const leaseAgeMs = replica.leaseAgeMs();
        return text + writeStamp(`${boot}.${version}`, {
          openMs: this.openMs(),
          leaseAgeMs: Number.isFinite(leaseAgeMs) ? leaseAgeMs : null,
          readAtSeconds: replica.readAtSeconds,
        });
      },
    };
  }

  function stream(lastEventId: string | null): ReadableStream<Uint8Array> {
    const reader = createReader(lastEventId);
    const stops: (() => void)[] = [];
    let wake = () => {};
    let isDue = true;
    let takenAtMs: number | undefined = reader.openMs();

    function release(): void {
      enders.delete(end);
      for (const stop of stops.splice(0)) stop();
      wake();
    }
    let end: () => void;

    return new ReadableStream<Uint8Array>({
      start(controller) {
        end = () => {
          if (!enders.has(end)) return;
          release();
          controller.close();
        };
        enders.add(end);
        const remind = () => {
          isDue = true;
          wake();
        };
        stops.push(
          replica.changes.onAppend(remind),
          onTick(() => {
            const isIdle = takenAtMs !== undefined && reader.openMs() - takenAtMs > IDLE_MAX_MS;
            if (isIdle || reader.openMs() > LIFE_MAX_MS) end();
            else remind();
          }),
        );
      },
      async pull(controller) {
        takenAtMs = undefined;
        while (!isDue && enders.has(end)) await new Promise<void>((resolve) => wake = resolve);
        if (!enders.has(end)) return;
        const text = reader.read();
        if (text === null) return end();
        isDue = reader.hasMore();
        controller.enqueue(encoder.encode(text));
        takenAtMs = reader.openMs();
      },
      cancel: release,
    }, { highWaterMark: 0 });
  }

  return {
    serve(headers) {
      requireToken(headers.get("authorization"));
      if (isClosed) throw refuse("UNAVAILABLE", { retryAfterSeconds: 1 });
      if (enders.size >= FOLLOWERS_MAX) throw refuse("OVERLOADED", { retryAfterSeconds: 1 });
      return new Response(stream(headers.get("last-event-id")), {
        headers: {
          "content-type": "text/event-stream",
          // Whatever compresses or buffers would hold stamps back.
          "cache-control": "no-store, no-transform",
          "x-accel-buffering": "no",
        },
      });
    },
    close() {
      isClosed = true;
      for (const end of [...enders]) end();
    },
  };
}
