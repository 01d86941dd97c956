import { assertEquals, assertRejects } from "@std/assert";
import { DatabaseUnavailable } from "../store/errors.ts";
import { acrossPauses } from "./across_pauses.ts";

const DEADLINE_MS = 1_000;

/** A look-up that fails `failures` times, after `tookMs` each, by a clock of its own. */
function createLookUp({ failures, tookMs }: { failures: number; tookMs: number }) {
  let nowMs = 0;
  let asked = 0;
  const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs };
  const look = acrossPauses((question: string) => {
    nowMs += tookMs;
    if (++asked <= failures) return Promise.reject(new DatabaseUnavailable("no answer in time"));
    return Promise.resolve(`${question}!`);
  }, { clock, deadlineMs: DEADLINE_MS });
  return { look, asked: () => asked };
}

Deno.test("a machine that stood still while it waited asks once more", async () => {
  const { look, asked } = createLookUp({ failures: 1, tookMs: 30_000 });
  assertEquals(await look("session"), "session!");
  assertEquals(asked(), 2);
});

Deno.test("a database that does not answer within its deadline is asked once", async () => {
  const { look, asked } = createLookUp({ failures: 1, tookMs: DEADLINE_MS + 5 });
  await assertRejects(() => look("session"), DatabaseUnavailable);
  assertEquals(asked(), 1);
});

Deno.test("a machine that stands still again gives up", async () => {
  const { look, asked } = createLookUp({ failures: 9, tookMs: 30_000 });
  await assertRejects(() => look("session"), DatabaseUnavailable);
  assertEquals(asked(), 2);
});
