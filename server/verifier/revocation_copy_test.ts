import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { writeRows, writeStamp } from "../denylist/feed_format.ts";
import { takeStamp } from "../clock.ts";
import { readEvents, type StreamEvent } from "./read_events.ts";
import { createRevocationCopy } from "./revocation_copy.ts";

const seed = Number(Deno.env.get("SEED") ?? 7239);
const runs = Deno.env.get("LONG") === "1" ? 100_000 : 5_000;
const STALENESS_SECONDS = 5;
const question = { sessionId: "s", userId: "u", epoch: 0 };

/** A copy and a clock that stands where the test puts it. */
function openBench() {
  const time = { wallMs: 1_800_000_000_000, monotonicMs: 0 };
  const clock = { now: () => new Date(time.wallMs), monotonicMs: () => time.monotonicMs };
  const copy = createRevocationCopy({ clock, maxStalenessSeconds: STALENESS_SECONDS });
  return {
    copy,
    time,
    advance(ms: number) {
      time.wallMs += ms;
      time.monotonicMs += ms;
    },
    sent: () => takeStamp(clock),
  };
}

const stampEvent = (
  stamp: { openMs: number; leaseAgeMs: number | null; readAtSeconds?: number },
): StreamEvent => ({
  event: "stamp",
  id: "boot.1",
  data: JSON.stringify({ readAtSeconds: 1_800_000_000, ...stamp }),
});
const rowsEvent = (...rows: unknown[][]): StreamEvent => ({
  event: "rows",
  id: undefined,
  data: JSON.stringify(rows),
});

Deno.test("nothing is known before the first stamp, whatever has come", () => {
  const { copy, sent } = openBench();
  copy.take(rowsEvent(["other", null, null, 2e9]), sent());
  assertEquals(copy.ask(question), "unknown");
  copy.take(stampEvent({ openMs: 0, leaseAgeMs: null }), sent());
  assertEquals(copy.ask(question), "unknown");
  copy.take(stampEvent({ openMs: 0, leaseAgeMs: 0 }), sent());
  assertEquals(copy.ask(question), "allowed");
});

const ms = (max: number) => fc.integer({ min: 0, max });
const stamp = fc.record({
  pauseMs: ms(2_000),
  leaseMs: ms(2_000),
  wayMs: fc.oneof(ms(100), ms(8_000)),
  askAfterMs: fc.oneof(ms(500), ms(7_000)),
});

Deno.test(`whatever the way does to stamps, nothing is allowed by knowledge older than S (seed ${seed}, ${runs} runs)`, () => {
  let allowed = 0;
  fc.assert(
    fc.property(ms(1_000), fc.array(stamp, { minLength: 1, maxLength: 8 }), (connectMs, stamps) => {
      const bench = openBench();
      const sent = bench.sent();
      // True times. The service begins to answer when it has the request, and each stamp overtakes no other.
      let madeAt = connectMs;
      let arrivesAt = 0;
      let knownAsOf = -Infinity;
      for (const { pauseMs, leaseMs, wayMs, askAfterMs } of stamps) {
        madeAt += pauseMs;
        arrivesAt = Math.max(arrivesAt, madeAt + wayMs);
        bench.advance(Math.max(0, arrivesAt - bench.time.monotonicMs));
        bench.copy.take(stampEvent({ openMs: madeAt - connectMs, leaseAgeMs: leaseMs }), sent);
        knownAsOf = Math.max(knownAsOf, madeAt - leaseMs);
        bench.advance(askAfterMs);
        if (bench.copy.ask(question) !== "allowed") continue;
        allowed++;
        assert(bench.time.monotonicMs - knownAsOf <= STALENESS_SECONDS * 1_000);
      }
    }),
    { seed, numRuns: runs },
  );
  assert(allowed > runs / 4, `${allowed} were allowed`);
});

Deno.test("a copy goes on for S after the last stamp, by the clock that says more", () => {
  for (const clock of ["wallMs", "monotonicMs"] as const) {
    const { copy, time, sent } = openBench();
    copy.take(stampEvent({ openMs: 0, leaseAgeMs: 1_000 }), sent());
    time[clock] += 4_000;
    assertEquals(copy.ask(question), "allowed");
    time[clock] += 1;
    assertEquals(copy.ask(question), "unknown");
  }
});

Deno.test("a service whose clock runs ahead buys no time", () => {
  const { copy, sent, advance } = openBench();
  copy.take(stampEvent({ openMs: 2_000, leaseAgeMs: 0 }), sent());
  assertEquals(copy.ask(question), "allowed");
  advance(5_001);
  assertEquals(copy.ask(question), "unknown");
});

Deno.test("a machine that stood still, both its clocks with it, knows nothing until it has asked anew", () => {
  const { copy, sent, advance } = openBench();
  const before = sent();
  advance(1_000);
  copy.take(stampEvent({ openMs: 1_000, leaseAgeMs: 0 }), before);
  assertEquals(copy.ask(question), "allowed");
  // The service went on for a minute meanwhile, and a revocation may have come in it.
  const late = stampEvent({ openMs: 62_000, leaseAgeMs: 0 });
  assertThrows(() => copy.take(late, before), Error, "stood still");
  assertEquals(copy.ask(question), "unknown");
  copy.take(stampEvent({ openMs: 0, leaseAgeMs: 0 }), sent());
  assertEquals(copy.ask(question), "allowed");
});

Deno.test("what was denied stays so over everything but its end by both clocks", () => {
  const { copy, time, sent, advance } = openBench();
  const now = time.wallMs / 1_000;
  const user = { sessionId: "x", userId: "v", epoch: 2 };
  copy.take(
    rowsEvent(["s", null, null, now + 100], [null, "v", 3, now + 100], [null, "w", null, now + 100]),
    sent(),
  );
  const says = () =>
    [question, user, { ...user, epoch: 3 }, { ...user, userId: "w", epoch: 9 }].map(copy.ask);
  const told = (readAtSeconds: number) =>
    copy.take(stampEvent({ openMs: 0, leaseAgeMs: 0, readAtSeconds }), sent());
  told(now);
  assertEquals(says(), ["denied", "denied", "allowed", "denied"]);
  advance(3_600_000);
  told(now + 99);
  assertEquals(says(), ["denied", "denied", "allowed", "denied"]);
  time.wallMs -= 3_600_000;
  told(now + 1_000);
  assertEquals(says(), ["denied", "denied", "allowed", "denied"]);
  time.wallMs += 100_000;
  told(now + 1_000);
  assertEquals(says(), ["allowed", "allowed", "allowed", "allowed"]);
});

Deno.test("INV-11: an event that the service does not send is refused and changes nothing", () => {
  const { copy, sent } = openBench();
  const good = [null, "u", 1, 2e9];
  const bad: StreamEvent[] = [
    ...[[1], ["s"], ["s", null, null], ["s", null, null, "1"], ["s", null, null, -1], [1, null, null, 1], [
      "s",
      {},
      null,
      1,
    ]]
      .map((row) => rowsEvent(good, row)),
    ...[["s".repeat(65), null, null, 1], ["s", null, -1, 1], ["s", null, "1", 1]].map((row) =>
      rowsEvent(good, row)
    ),
    ...["", "null", "{}", "[", "[null]", '{"length":1}'].map((data) => ({
      event: "rows",
      id: undefined,
      data,
    })),
    ...[
      "",
      "null",
      "{}",
      "[]",
      '{"openMs":0,"leaseAgeMs":0}',
      '{"openMs":-1,"leaseAgeMs":0,"readAtSeconds":1}',
    ]
      .map((data) => ({ event: "stamp", id: "x", data })),
    ...[
      '{"openMs":1e999,"leaseAgeMs":0,"readAtSeconds":1}',
      '{"openMs":0,"leaseAgeMs":"0","readAtSeconds":1}',
    ]
      .map((data) => ({ event: "stamp", id: "x", data })),
  ];
  for (const event of bad) {
    assertThrows(() => copy.take(event, sent()), Error, undefined, event.data);
    assertEquals([event.data, copy.ask(question), copy.lastEventId], [event.data, "unknown", null]);
  }
  assertEquals(copy.take({ event: "hello", id: "x", data: "?" }, sent()), null);
});

Deno.test("INV-11: an endless event is given up, and pieces of any size make the same events", async () => {
  const text = writeRows([{ sessionId: "ä\n", userId: null, minEpoch: null, expiresAtSeconds: 1 }]) +
    ": a comment\n\n" + writeStamp("b.1", { openMs: 1, leaseAgeMs: null, readAtSeconds: 2 });
  const read = (size: number, newline: string) => {
    const whole = text.replaceAll("\n", newline);
    const pieces = Array.from(
      { length: Math.ceil(whole.length / size) },
      (_, i) => whole.slice(i * size, i * size + size),
    );
    return Array.fromAsync(readEvents(ReadableStream.from(pieces), { maxLength: 1_000 }));
  };
  const whole = await read(1e6, "\n");
  assertEquals(whole.map(({ event, id }) => [event, id]), [["rows", undefined], ["stamp", "b.1"]]);
  for (const size of [1, 2, 3, 7, 64]) {
    for (const newline of ["\n", "\r\n"]) assertEquals(await read(size, newline), whole);
  }
  async function* endless() {
    for (;;) yield "data: x";
  }
  const events = readEvents(endless(), { maxLength: 1_000 });
  assertEquals(await events.next().then(() => "went on", () => "given up"), "given up");
});
