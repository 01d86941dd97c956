import { assertEquals } from "@std/assert";
import { createLocalCounter } from "./local_counter.ts";

function createCounter() {
  const clock = { atMs: 0, now: () => new Date(0), monotonicMs: () => clock.atMs };
  return { clock, counter: createLocalCounter(clock) };
}

Deno.test("a counter counts up within its window, and says when the window ends", () => {
  const { clock, counter } = createCounter();
  assertEquals(counter.countUp("a", 60), { count: 1, retryAfterSeconds: 60 });
  clock.atMs = 59_500;
  assertEquals(counter.countUp("a", 60), { count: 2, retryAfterSeconds: 1 });
});

Deno.test("a window that is over is forgotten, and a new one begins", () => {
  const { clock, counter } = createCounter();
  for (let i = 0; i < 5; i++) counter.countUp("a", 60);
  clock.atMs = 60_000;
  assertEquals(counter.find("a").count, 0);
  assertEquals(counter.countUp("a", 60).count, 1);
});

Deno.test("keys do not share a count, and looking counts nothing", () => {
  const { counter } = createCounter();
  counter.countUp("a", 60);
  assertEquals([counter.find("b").count, counter.find("a").count, counter.find("a").count], [0, 1, 1]);
});

Deno.test("INV-11: a flood of keys forgets the oldest and keeps the newest", () => {
  const { counter } = createCounter();
  for (let i = 0; i < 20_001; i++) counter.countUp(`key ${i}`, 60);
  assertEquals([counter.find("key 0").count, counter.find("key 1").count, counter.find("key 20000").count], [
    0,
    1,
    1,
  ]);
});

Deno.test("whoever is told to wait is never told to wait for nothing", () => {
  const { counter } = createCounter();
  assertEquals(counter.find("a").retryAfterSeconds, 1);
});
