import { assertEquals, assertRejects } from "@std/assert";
import { AuthError } from "../auth_error.ts";
import { createPermits } from "./permits.ts";

/** A job that runs until it is told to end. */
function holdable() {
  let end!: () => void;
  const ended = new Promise<void>((resolve) => end = resolve);
  let isRunning = false;
  return {
    end,
    get isRunning() {
      return isRunning;
    },
    job: async () => {
      isRunning = true;
      await ended;
    },
  };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));
const reasonOf = (run: Promise<unknown>) =>
  run.then(
    () => "done",
    (error) => error instanceof AuthError ? `${error.reason} ${error.executed}` : String(error),
  );

Deno.test("R-79: no more jobs run at once than there are permits", async () => {
  const permits = createPermits({ permitCount: 3 });
  let running = 0;
  let most = 0;
  const job = async () => {
    most = Math.max(most, ++running);
    await settle();
    running--;
  };
  await Promise.all(Array.from({ length: 50 }, () => permits.run(job)));
  assertEquals([most, running], [3, 0]);
});

Deno.test("A-066: the 65th that waits is OVERLOADED at once, and none of the others is hurt", async () => {
  const permits = createPermits({ permitCount: 2 });
  const held = [holdable(), holdable()];
  const running = held.map(({ job }) => permits.run(job));
  const waiting = Array.from({ length: 64 }, () => reasonOf(permits.run(() => Promise.resolve())));
  assertEquals(await reasonOf(permits.run(() => Promise.resolve())), "OVERLOADED false");
  for (const { end } of held) end();
  await Promise.all(running);
  assertEquals(await Promise.all(waiting), Array(64).fill("done"));
});

Deno.test("A-066: whoever waits too long is OVERLOADED and never run", async () => {
  const permits = createPermits({ permitCount: 1, waitMaxMs: 20 });
  const held = holdable();
  const running = permits.run(held.job);
  let ran = false;
  const late = reasonOf(permits.run(() => Promise.resolve(ran = true)));
  assertEquals(await late, "OVERLOADED false");
  held.end();
  await running;
  await settle();
  assertEquals(ran, false);
});

Deno.test("an OVERLOADED answer says when to come again", async () => {
  const permits = createPermits({ permitCount: 1, queueMax: 0 });
  const held = holdable();
  const running = permits.run(held.job);
  const error = await permits.run(() => Promise.resolve()).then(() => null, (thrown) => thrown);
  assertEquals(error?.retryAfterSeconds, 1);
  held.end();
  await running;
});

Deno.test("A-067: a permit belongs to the job: a caller that goes away frees nothing early", async () => {
  const permits = createPermits({ permitCount: 1 });
  const [abandoned, next] = [holdable(), holdable()];
  const running = permits.run(abandoned.job);
  await Promise.race([running, settle()]);
  const waiting = permits.run(next.job);
  await settle();
  assertEquals([abandoned.isRunning, next.isRunning], [true, false]);
  abandoned.end();
  await running;
  await settle();
  assertEquals(next.isRunning, true);
  next.end();
  await waiting;
});

Deno.test("a job that throws gives its permit back", async () => {
  const permits = createPermits({ permitCount: 1 });
  for (let i = 0; i < 3; i++) {
    await assertRejects(() => permits.run(() => Promise.reject(new Error("broken"))), Error, "broken");
  }
  assertEquals(await permits.run(() => Promise.resolve("done")), "done");
});

Deno.test("those who wait are served in the order in which they came", async () => {
  const permits = createPermits({ permitCount: 1 });
  const order: number[] = [];
  await Promise.all([1, 2, 3, 4].map((i) => permits.run(() => Promise.resolve(order.push(i)))));
  assertEquals(order, [1, 2, 3, 4]);
});
