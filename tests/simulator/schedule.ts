import type { Fault } from "@watchword/client/testing";
import * as fc from "fast-check";

/** The surroundings of a schedule. */
export interface Setup {
  tabs: number;
  hasLocks: boolean;
  ttlSeconds: number;
  leewaySeconds: number;
  storageDelayMs: number;
  eventDelayMs: number;
  /** Pages answer `STEP_UP_REQUIRED` with a step-up, and ask for the call to be sent again. */
  stepsUp: boolean;
  /** How long requests and answers travel, in turn. */
  latenciesMs: number[];
  seed: number;
}

/** Which requests a fault is about. */
export type Target = "refresh" | "app" | "sign-in" | "any";
/** An app's call: what it runs, and whether it needs a signed-in caller. */
export type CallKind = "read" | "add" | "maybe" | "fresh";

/** One thing that happens. `tab` counts the open ones, round and round. */
export type Action =
  | { op: "call"; tab: number; kind: CallKind; count: number; abortAfterMs: number | null }
  | { op: "token"; tab: number; force: boolean }
  | { op: "login"; tab: number; user: number }
  | { op: "logout"; tab: number; scope: "this" | "others" | "all" }
  | { op: "step up"; tab: number }
  | { op: "fault"; fault: Fault; target: Target; count: number }
  | { op: "offline"; ms: number }
  | { op: "open" }
  | { op: "kill" | "freeze" | "thaw"; tab: number }
  | { op: "jump" | "sleep"; ms: number }
  | { op: "storage"; does: "fails" | "is full" | "heals" | "is cleared" | "is garbage" }
  | { op: "server"; does: "expires tokens" | "forgets tokens" | "revokes the session" };

/** An action, and how long it is until the next one: in milliseconds, or in lifetimes of an access token. */
export interface Step {
  action: Action;
  pause: { ms: number } | { lifetimes: number };
}

/** A whole schedule. */
export interface Schedule {
  setup: Setup;
  steps: Step[];
}

const tab = fc.nat(3);
const setups: fc.Arbitrary<Setup> = fc.record({
  tabs: fc.integer({ min: 1, max: 4 }),
  hasLocks: fc.boolean(),
  ttlSeconds: fc.constantFrom(20, 60, 600),
  // Without locks, two tabs that refresh in the same moment are told from a thief by the leeway alone.
  leewaySeconds: fc.constantFrom(0, 10),
  storageDelayMs: fc.constantFrom(0, 0, 6),
  eventDelayMs: fc.constantFrom(0, 5, 80),
  stepsUp: fc.boolean(),
  latenciesMs: fc.array(fc.constantFrom(1, 3, 20, 150, 900), { minLength: 1, maxLength: 5 }),
  seed: fc.integer(),
}).map((setup) => setup.hasLocks ? setup : { ...setup, leewaySeconds: 10 });

const faults: fc.Arbitrary<Fault> = fc.constantFrom<Fault[]>(
  "drop request",
  "drop answer",
  "hang request",
  "hang answer",
  "cut body",
  "garbage body",
  { status: 401 },
  { status: 500 },
  { status: 502, reachesServer: true },
  { status: 200 },
  { status: 200, body: "{}", reachesServer: true },
  { refuse: "RATE_LIMITED", retryAfterSeconds: 5 },
  { refuse: "UNAVAILABLE", retryAfterSeconds: 1 },
  { refuse: "INTERNAL" },
  { delayMs: 4_000 },
  { answerDelayMs: 4_000 },
);

const op = <Op extends Action["op"], Rest>(name: Op, rest: { [K in keyof Rest]: fc.Arbitrary<Rest[K]> }) =>
  fc.record({ op: fc.constant(name), ...rest }) as unknown as fc.Arbitrary<Rest & { op: Op }>;

const actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 12,
    arbitrary: op("call", {
      tab,
      kind: fc.constantFrom<CallKind[]>("read", "add", "add", "maybe", "fresh"),
      count: fc.integer({ min: 1, max: 3 }),
      abortAfterMs: fc.constantFrom<(number | null)[]>(null, null, null, 0, 10, 200, 2_000),
    }),
  },
  { weight: 2, arbitrary: op("token", { tab, force: fc.boolean() }) },
  { weight: 2, arbitrary: op("login", { tab, user: fc.nat(1) }) },
  {
    weight: 1,
    arbitrary: op("logout", {
      tab,
      scope: fc.constantFrom("this" as const, "others" as const, "all" as const),
    }),
  },
  { weight: 1, arbitrary: op("step up", { tab }) },
  {
    weight: 5,
    arbitrary: op("fault", {
      fault: faults,
      target: fc.constantFrom<Target[]>("refresh", "refresh", "app", "sign-in", "any"),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: op("offline", { ms: fc.constantFrom(500, 15_000, 120_000) }) },
  { weight: 2, arbitrary: op("open", {}) },
  { weight: 2, arbitrary: op("kill", { tab }) },
  { weight: 2, arbitrary: op("freeze", { tab }) },
  { weight: 1, arbitrary: op("thaw", { tab }) },
  {
    weight: 1,
    arbitrary: op("jump", { ms: fc.constantFrom(-86_400_000, -60_000, -1_000, 1_000, 60_000, 86_400_000) }),
  },
  { weight: 1, arbitrary: op("sleep", { ms: fc.constantFrom(5_000, 120_000, 10_800_000) }) },
  {
    weight: 1,
    arbitrary: op("storage", {
      does: fc.constantFrom(
        "fails" as const,
        "is full" as const,
        "heals" as const,
        "is cleared" as const,
        "is garbage" as const,
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: op("server", {
      does: fc.constantFrom(
        "expires tokens" as const,
        "forgets tokens" as const,
        "revokes the session" as const,
      ),
    }),
  },
);

const steps: fc.Arbitrary<Step> = fc.record({
  action: actions,
  pause: fc.oneof(
    { weight: 5, arbitrary: fc.record({ ms: fc.constantFrom(0, 0, 1, 30, 500, 3_500, 11_000) }) },
    { weight: 2, arbitrary: fc.record({ lifetimes: fc.constantFrom(0.6, 1.1) }) },
  ),
});

/** Any schedule of up to 40 steps. */
export const schedules: fc.Arbitrary<Schedule> = fc.record({
  setup: setups,
  steps: fc.array(steps, { minLength: 2, maxLength: 40, size: "max" }),
});

/** A step in a few words. */
export function describeStep({ action: { op, ...rest } }: Step): string {
  const words = Object.values(rest).map((value) => typeof value === "string" ? value : JSON.stringify(value));
  return [op, ...words].join(" ");
}
