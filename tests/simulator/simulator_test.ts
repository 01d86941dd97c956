import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { runSchedule } from "./run_schedule.ts";
import { type Schedule, schedules } from "./schedule.ts";

const isLong = Deno.env.get("LONG") === "1";
const RUN_COUNT = Number(Deno.env.get("SIMULATOR_RUNS") ?? (isLong ? 10_000 : 1_000));

const GATE_SEED = 20_261_122;

/** What a run of schedules must have met, or it has not looked where the promises are. */
const expectedOutcomes = [
  ...["ok", "session_changed", "unreachable", "signed_out", "AbortError"],
  ...["STEP_UP_REQUIRED", "TOKEN_MISSING", "SESSION_REVOKED"],
];

/** `SIMULATOR_SEED=seed[:path]`, as a failure prints it. */
function readSeed(): { seed: number; path?: string } | null {
  const [seed, ...path] = (Deno.env.get("SIMULATOR_SEED") ?? "").split(":");
  if (!seed) return null;
  return { seed: Number(seed), ...(path.length > 0 ? { path: path.join(":"), endOnFailure: true } : {}) };
}

Deno.test(
  `${RUN_COUNT} random schedules of tabs, faults, sign-outs, kills and clocks break no promise of the client`,
  async () => {
    const given = readSeed();
    // The gate plays the same schedules each time; new ones are for the long run, and for whoever gives a seed.
    const seed = given?.seed ?? (isLong ? crypto.getRandomValues(new Int32Array(1))[0]! : GATE_SEED);
    const outcomes = new Set<string | null>();
    const { failed, counterexamplePath, errorInstance } = await fc.check(
      fc.asyncProperty(schedules, async (schedule: Schedule) => {
        const { ops } = await runSchedule(schedule);
        for (const { outcome } of ops) outcomes.add(outcome);
      }),
      { numRuns: given?.path === undefined ? RUN_COUNT : 1, unbiased: true, ...given, seed },
    );
    if (failed) {
      const message = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
      throw new Error(`SIMULATOR_SEED=${seed}:${counterexamplePath}\n${message}`);
    }
    const unseen = expectedOutcomes.filter((outcome) => !outcomes.has(outcome));
    if (given === null && RUN_COUNT >= 1_000) assertEquals(unseen, []);
  },
);
