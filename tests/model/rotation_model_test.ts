import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { openLane } from "./lane.ts";
import type { Rules } from "./model.ts";
import { runSchedule } from "./run_schedule.ts";
import { schedules, type Step } from "./schedule.ts";

const isLong = Deno.env.get("LONG") === "1";
const RUN_COUNT = Number(Deno.env.get("MODEL_RUNS") ?? (isLong ? 10_000 : 1_000));

/** Each lane is a database with instances of its own; lanes run side by side. */
const lanes: (Rules & { instanceCount: number })[] = [
  {
    instanceCount: 3,
    accessSeconds: 20,
    idleSeconds: 120,
    absoluteSeconds: 300,
    leewaySeconds: 10,
    replaySeconds: 60,
  },
  // No leeway at all, and lifetimes that end before the replay window does.
  {
    instanceCount: 2,
    accessSeconds: 30,
    idleSeconds: 50,
    absoluteSeconds: 80,
    leewaySeconds: 0,
    replaySeconds: 600,
  },
];

/** What a run of schedules must have met, or it has not looked where the promises are. */
const expectedAnswers = [
  ...["ok", "REFRESH_INVALID", "SESSION_REVOKED", "REFRESH_EXPIRED", "REFRESH_REUSED"].map((reason) =>
    `refresh: ${reason}`
  ),
  ...["database", "me", "list", "strict", "replica", "stepUp", "revoke"].flatMap((kind) =>
    ["ok", "TOKEN_EXPIRED", "SESSION_REVOKED"].map((reason) => `${kind}: ${reason}`)
  ),
  ...["ok", "SESSION_REVOKED", "REFRESH_INVALID", "FORBIDDEN"].map((reason) => `logout: ${reason}`),
  "revoke: NOT_FOUND",
];

interface Failure {
  lane: number;
  seed: number;
  path: string | null;
  message: string;
}

interface Plan {
  lane: number;
  seed: number;
  path?: string;
  runs: number;
}

async function runLane({ lane, seed, path, runs }: Plan, failures: Failure[]) {
  await using opened = await openLane(lanes[lane]!);
  let isFailing = false;
  const details = await fc.check(
    fc.asyncProperty(schedules, async (steps: Step[]) => {
      // One failure is enough; what the other lane has found it still shrinks.
      if (failures.length > 0 && !isFailing) return;
      await runSchedule(opened, steps).catch((error) => {
        isFailing = true;
        throw error;
      });
    }),
    { seed, numRuns: runs, unbiased: true, ...(path === undefined ? {} : { path, endOnFailure: true }) },
  );
  const { errorInstance } = details;
  const message = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  if (details.failed) failures.push({ lane, seed, path: details.counterexamplePath, message });
  return opened.seen;
}

/** `MODEL_SEED=lane:seed[:path]`, as a failure prints it. */
function readSeed(): { lane: number; seed: number; path?: string } | null {
  const [lane, seed, ...path] = (Deno.env.get("MODEL_SEED") ?? "").split(":");
  if (!lane || !seed) return null;
  return { lane: Number(lane), seed: Number(seed), ...(path.length > 0 ? { path: path.join(":") } : {}) };
}

Deno.test(
  `${RUN_COUNT} random schedules of clients, thieves, lost answers, restarts and clock jumps go as the model says`,
  async () => {
    const given = readSeed();
    const plans: Plan[] = given
      ? [{ ...given, runs: given.path === undefined ? RUN_COUNT : 1 }]
      : lanes.map((_, lane) => ({
        lane,
        seed: crypto.getRandomValues(new Int32Array(1))[0]!,
        runs: Math.ceil(RUN_COUNT / lanes.length),
      }));
    const failures: Failure[] = [];
    const seen = await Promise.all(plans.map((plan) => runLane(plan, failures)));
    const stories = failures.map(({ lane, seed, path, message }) =>
      `MODEL_SEED=${lane}:${seed}:${path}\n${message}`
    );
    if (stories.length > 0) throw new Error(`the product went another way\n${stories.join("\n\n")}`);
    const unseen = expectedAnswers.filter((answer) => !seen.some((answers) => answers.has(answer)));
    if (given === null && RUN_COUNT >= 1_000) assertEquals(unseen, []);
  },
);
