/**
 * Takes one safeguard after another out of a copy of the client and expects the simulator to notice.
 *
 * ```sh
 * deno run -A tests/simulator/mutants.ts [name…]
 * ```
 *
 * @module
 */

import { copyProject, type Mutant, mutate, runCommand, tryMutants } from "../kit/mutation.ts";

/** The safeguards. */
export const mutants: Mutant[] = [
  {
    name: "resends-what-may-have-run",
    file: "client/auth_link.ts",
    changes: [
      ['!isStream && (executed ?? op.type !== "query")', "false"],
      [
        "throw error;\n      }\n\n      function abort",
        "return session.acquire(used);\n      }\n\n      function abort",
      ],
    ],
  },
  {
    name: "epoch-stands-still",
    file: "client/session_machine.ts",
    changes: [["if (isOther && !isBooting) epoch++;", ""]],
  },
  {
    name: "signs-out-on-500",
    file: "client/auth_api.ts",
    changes: [[
      'if (refusal === null) throw new Error("not an answer of the auth server");',
      'if (refusal === null) return { reason: "SESSION_REVOKED", executed: false };',
    ]],
  },
  {
    name: "attempt-id-not-stored",
    file: "client/session_machine.ts",
    changes: [
      ["become({ ...before, attemptId: begun }, cause);", ""],
      ["cookies?.attempts?.read() ?? parent.attemptId", "begun"],
    ],
  },
  {
    name: "lock-waits-for-ever",
    file: "client/persistent.ts",
    changes: [["store.lock(key, waitMs, once)", "store.lock(key, Infinity, once)"]],
  },
  {
    name: "generation-goes-backwards",
    file: "client/persistent.ts",
    changes: [["rankOf(a) > rankOf(b)", "false"]],
  },
  {
    name: "end-does-not-last",
    file: "client/persistent.ts",
    changes: [[": Infinity;", ": -1;"]],
  },
  {
    name: "earlier-sign-in-wins",
    file: "client/persistent.ts",
    changes: [["a.startedAt > b.startedAt", "a.startedAt < b.startedAt"]],
  },
  {
    name: "no-fuse",
    file: "client/backoff.ts",
    changes: [
      ["return waitMs > 0 ?", "return waitMs > Infinity ?"],
      ["if (isTooOften) return", "if (isTooOften && now < 0) return"],
    ],
  },
  {
    name: "no-request-timeout",
    file: "client/limit.ts",
    changes: [["const timer = ms && setTimeout(stop, ms);", "const timer = 0;"]],
  },
  {
    name: "verdict-believed-of-a-session-that-moved-on",
    file: "client/session_machine.ts",
    changes: [[
      "await settle();\n    const now = present();\n    if (now?.sessionId === sessionId && now.generation === generation) await end",
      "if (present()) await end",
    ]],
  },
  {
    name: "other-tabs-not-heard",
    file: "client/persistent.ts",
    changes: [["store.watch?.(key, () => void settle())", "null"]],
  },
];

const copied = ["client", "shared", "tests/simulator", "server/deno.json", "deno.json", "deno.lock"];

/** The failing seed and what was broken, as the test printed them. */
function findStory(output: string): string {
  const story = output.slice(output.indexOf("SIMULATOR_SEED="));
  return story.slice(0, story.indexOf("\n\n")).trimEnd();
}

/** @returns whether the simulator went as it should */
async function tryOut(mutant: Mutant | null): Promise<boolean> {
  await using copy = await copyProject(copied);
  if (mutant !== null) await mutate(copy.path, mutant);
  const startedAt = performance.now();
  const test = ["test", "-A", "--no-check", "tests/simulator/simulator_test.ts"];
  const { success, output } = await runCommand("deno", test, { cwd: copy.path, env: { NO_COLOR: "1" } });
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  const verdict = success ? "breaks no promise" : `is found out\n${findStory(output)}`;
  // deno-lint-ignore no-console -- a script's output
  console.log(`${mutant?.name ?? "the client itself"} (${seconds} s): ${verdict}\n`);
  return success === (mutant === null);
}

if (import.meta.main) await tryMutants(mutants, tryOut);
