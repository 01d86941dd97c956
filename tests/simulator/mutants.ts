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
      ['(op.type === "subscription" || !(auth?.executed ?? op.type !== "query"))', "true"],
      ["if (!refreshable.includes(reason)) throw error;", ""],
    ],
  },
  {
    name: "epoch-stands-still",
    file: "client/session_machine.ts",
    changes: [["if (isOther) epoch++;", ""]],
  },
  {
    name: "signs-out-on-500",
    file: "client/auth_api.ts",
    changes: [[
      'if (auth === null) throw new Error("not an answer of the auth server");',
      'if (auth === null) return { ok: false, auth: { reason: "SESSION_REVOKED", executed: false } };',
    ]],
  },
  {
    name: "attempt-id-not-stored",
    file: "client/session_machine.ts",
    changes: [[
      "record = { ...before, attemptId };\n    await write({ ...record, generation }, startEpoch);",
      "",
    ]],
  },
  {
    name: "lock-waits-for-ever",
    file: "client/session_store.ts",
    changes: [["store.lock?.(key, waitMs, run)", "store.lock?.(key, Infinity, run)"]],
  },
  {
    name: "generation-goes-backwards",
    file: "client/session_machine.ts",
    changes: [
      ["stored.generation > record.generation;", "stored.generation !== record.generation;"],
      ["stored.generation + (stored.attemptId ? 1 : 0) > value.generation", "false"],
    ],
  },
  {
    name: "no-fuse",
    file: "client/backoff.ts",
    changes: [
      ["if (waitMs <= 0) return null;", "return null;"],
      ["if (isTooOften) return", "if (isTooOften && now < 0) return"],
    ],
  },
  {
    name: "no-request-timeout",
    file: "client/auth_api.ts",
    changes: [["setTimeout(abort, timeoutMs)", "setTimeout(() => {}, timeoutMs)"]],
  },
  {
    name: "verdict-believed-of-a-session-that-moved-on",
    file: "client/session_machine.ts",
    changes: [[
      'if (stored !== null && isNewer(stored)) adoptStored(stored, "other_tab");\n    else await signOut',
      "await signOut",
    ]],
  },
  {
    name: "other-tabs-not-heard",
    file: "client/session_store.ts",
    changes: [["store.watch?.(key, changed)", "null"]],
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
