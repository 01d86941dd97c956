import { assert, assertEquals } from "@std/assert";
import { createChangeLog } from "../denylist/change_log.ts";
import { createEntries } from "../denylist/entries.ts";
import { parseRows, parseStamp } from "../denylist/feed_format.ts";
import type { DatedDenylistRow } from "../store/denylist.ts";
import { readText } from "../verifier/fetch_from.ts";
import { readEvents } from "../verifier/read_events.ts";
import { createRevocationFeed } from "./revocation_feed.ts";

const token = "feed-token-feed-token-feed-token";

/** A feed over a copy, a clock and a tick in the hands of the test. */
function openBench() {
  const entries = createEntries();
  const changes = createChangeLog();
  const state = { nowMs: 0, leaseAgeMs: 0 };
  const listeners = new Set<() => void>();
  const feed = createRevocationFeed({
    token,
    replica: { changes, rows: entries.rows, readAtSeconds: 1, leaseAgeMs: () => state.leaseAgeMs },
    clock: { now: () => new Date(state.nowMs), monotonicMs: () => state.nowMs },
    onTick(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });
  let made = 0;
  return {
    feed,
    state,
    listeners,
    deny(count: number): string[] {
      const rows: DatedDenylistRow[] = Array.from({ length: count }, () => ({
        sessionId: `session-${made++}`,
        userId: null,
        minEpoch: null,
        expiresAtSeconds: 9e9,
      }));
      changes.append(entries.add(rows));
      return rows.map(({ sessionId }) => sessionId ?? "");
    },
    tick(afterMs: number) {
      state.nowMs += afterMs;
      for (const listener of [...listeners]) listener();
    },
    follow(lastEventId?: string) {
      const headers = new Headers({ authorization: `Bearer ${token}` });
      if (lastEventId !== undefined) headers.set("last-event-id", lastEventId);
      return readEvents(readText(feed.serve(headers)), { maxLength: 1e6 });
    },
  };
}

const drain = async (events: AsyncGenerator<{ event: string }>) => {
  let count = 0;
  while (!(await events.next()).done) count++;
  return count;
};

Deno.test("a follower that takes nothing for 10 s is dropped, and one that does is not", async () => {
  const bench = openBench();
  const [slow, quick] = [bench.follow(), bench.follow()];
  await Promise.all([slow.next(), quick.next()]);
  for (let second = 0; second < 11; second++) {
    const next = quick.next();
    bench.tick(1_000);
    await next;
  }
  // It still gets what it had asked for, and then the end.
  assert(await drain(slow) <= 2);
  assertEquals(bench.listeners.size, 1);
  await quick.return(undefined);
  assertEquals(bench.listeners.size, 0);
});

Deno.test("an answer ends after ten minutes, so that both clocks are compared anew", async () => {
  const bench = openBench();
  const events = bench.follow();
  for (let minute = 0; minute < 10; minute++) {
    await events.next();
    bench.tick(60_000);
  }
  await events.next();
  bench.tick(1);
  assertEquals(await drain(events), 0);
  assertEquals(bench.listeners.size, 0);
});

Deno.test("everything comes in pages, and what is added meanwhile is there before the first stamp", async () => {
  const bench = openBench();
  const denied = bench.deny(2_500);
  const events = bench.follow();
  const told = new Set<string>();
  const pages: number[] = [];
  for (;;) {
    const { value, done } = await events.next();
    if (done || value.event === "stamp") break;
    const rows = parseRows(value.data);
    pages.push(rows.length);
    for (const { sessionId } of rows) told.add(sessionId ?? "");
    if (pages.length === 1) denied.push(...bench.deny(2_300));
  }
  assertEquals(denied.filter((id) => !told.has(id)), []);
  assert(Math.max(...pages) <= 1_000);
  await events.return(undefined);
});

Deno.test("a stamp never comes before what it stands for", async () => {
  const bench = openBench();
  const events = bench.follow();
  await events.next();
  const denied = bench.deny(2_500);
  const told: string[] = [];
  for (;;) {
    const { value, done } = await events.next();
    if (done || value.event === "stamp") break;
    told.push(...parseRows(value.data).map(({ sessionId }) => sessionId ?? ""));
  }
  assertEquals(told, denied);
  await events.return(undefined);
});

Deno.test("a follower that fell behind by more than is kept is ended, and gets everything when it is back", async () => {
  const bench = openBench();
  const events = bench.follow();
  const { value: stamp } = await events.next();
  const denied = bench.deny(25_000);
  assertEquals(await drain(events), 0);
  const again = bench.follow(stamp?.id);
  let told = 0;
  for (;;) {
    const { value } = await again.next();
    if (value?.event !== "rows") break;
    told += parseRows(value.data).length;
  }
  assertEquals(told, denied.length);
  await again.return(undefined);
});

Deno.test("a copy that may not be trusted is stamped as such, so that followers know that the feed is alive", async () => {
  const bench = openBench();
  bench.state.leaseAgeMs = Infinity;
  const events = bench.follow();
  const { value } = await events.next();
  assertEquals(parseStamp(value?.data ?? ""), { openMs: 0, leaseAgeMs: null, readAtSeconds: 1 });
  await events.return(undefined);
});

Deno.test("a follower that one burst has left behind is ended, and has everything when it comes again", async () => {
  const { feed, deny, follow, tick } = openBench();
  deny(8_000);
  const first = follow();
  let lastEventId = "";
  const known = new Set<string | null>();
  const readTo = async (events: ReturnType<typeof follow>) => {
    for (;;) {
      const { value, done } = await events.next();
      if (done) return;
      if (value.event === "rows") { for (const { sessionId } of parseRows(value.data)) known.add(sessionId); }
      else {
        lastEventId = value.id ?? "";
        return;
      }
    }
  };
  await readTo(first);
  const burst = deny(12_000);
  tick(1_000);
  assertEquals(await drain(first), 0);
  await readTo(follow(lastEventId));
  assertEquals(burst.filter((id) => !known.has(id)), []);
  feed.close();
});
