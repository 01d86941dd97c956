/**
 * Takes one safeguard after another out of a copy of the client and expects the simulator to notice.
 *
 * ```sh
 * deno run -A tests/simulator/mutants.ts [name…]
 * ```
 *
 * @module
 */

interface Mutant {
  name: string;
  file: string;
  /** Texts that stand in the file exactly once, and what takes their place. */
  changes: [from: string, to: string][];
}

const mutants: Mutant[] = [
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
    changes: [['if (state.status !== "booting" && !isSameUser) epoch++;', ""]],
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
    changes: [["record = { ...before, attemptId };\n    await write(record, startEpoch);", ""]],
  },
  {
    name: "lock-waits-for-ever",
    file: "client/session_machine.ts",
    changes: [["store.lock?.(storeKey, lockWaitMs, run)", "store.lock?.(storeKey, Infinity, run)"]],
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
    file: "client/session_machine.ts",
    changes: [[
      "const unwatch = store.watch?.(",
      "const unwatch = store.watch && ((..._: unknown[]) => () => {})(",
    ]],
  },
];

const root = new URL("../../", import.meta.url).pathname;
const copied = ["client", "shared", "tests/simulator", "server/deno.json", "deno.json", "deno.lock"];

async function run(command: string, args: string[], cwd: string) {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd, env: { NO_COLOR: "1" } })
    .output();
  const decoder = new TextDecoder();
  return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

async function copyClient(): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "watchword-mutant-" });
  for (const folder of ["tests", "server"]) await Deno.mkdir(`${copy}/${folder}`);
  for (const name of copied) await run("cp", ["-rL", `${root}${name}`, `${copy}/${name}`], root);
  await Deno.symlink(`${root}node_modules`, `${copy}/node_modules`);
  return copy;
}

async function mutate(copy: string, { name, file, changes }: Mutant): Promise<void> {
  let text = await Deno.readTextFile(`${copy}/${file}`);
  for (const [from, to] of changes) {
    if (text.split(from).length !== 2) {
      throw new Error(`mutant ${name}: ${file} does not hold this once: ${from}`);
    }
    text = text.replace(from, () => to);
  }
  await Deno.writeTextFile(`${copy}/${file}`, text);
}

/** The failing seed and what was broken, as the test printed them. */
function findStory(output: string): string {
  const story = output.slice(output.indexOf("SIMULATOR_SEED="));
  return story.slice(0, story.indexOf("\n\n")).trimEnd();
}

/** @returns whether the simulator went as it should */
async function tryOut(mutant: Mutant | null): Promise<boolean> {
  const copy = await copyClient();
  try {
    if (mutant !== null) await mutate(copy, mutant);
    const startedAt = performance.now();
    const test = ["test", "-A", "--no-check", "tests/simulator/simulator_test.ts"];
    const { success, output } = await run("deno", test, copy);
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    const verdict = success ? "breaks no promise" : `is found out\n${findStory(output)}`;
    // deno-lint-ignore no-console -- a script's output
    console.log(`${mutant?.name ?? "the client itself"} (${seconds} s): ${verdict}\n`);
    return success === (mutant === null);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

if (import.meta.main) {
  const chosen = mutants.filter(({ name }) => Deno.args.includes(name));
  // Unless some are named, the client itself goes first: what it does not hold, a mutant cannot be told by.
  const tried = Deno.args.length > 0 ? chosen : [null, ...mutants];
  let isAsExpected = tried.length > 0;
  for (const mutant of tried) isAsExpected = await tryOut(mutant) && isAsExpected;
  Deno.exit(isAsExpected ? 0 : 1);
}
