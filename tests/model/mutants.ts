/**
 * Takes one safeguard after another out of a copy of the product and expects the model test to notice.
 *
 * ```sh
 * deno run -A tests/model/mutants.ts [name…]
 * ```
 *
 * @module
 */
import { findServerUrl } from "../kit/database.ts";

interface Mutant {
  name: string;
  file: string;
  /** Texts that stand in the file exactly once, and what takes their place. */
  changes: [from: string, to: string][];
  /** Which test must notice. The random one meets these too, but not in every run. */
  test?: "crossed_calls_test.ts";
}

const mutants: Mutant[] = [
  {
    name: "tag",
    file: "server/tokens/refresh_token.ts",
    changes: [[" || !timingSafeEqual(await tagOf(body), bytes.subarray(BODY_BYTES))", ""]],
  },
  {
    name: "attempt-id-of-anyone",
    file: "server/flows/session/refresh.ts",
    changes: [
      [
        "return session.attemptHash !== null && attemptHash !== null && isSame(session.attemptHash, attemptHash);",
        "return true;",
      ],
    ],
  },
  {
    name: "attempt-id-of-none",
    file: "server/flows/session/refresh.ts",
    changes: [
      [
        "return session.attemptHash !== null && attemptHash !== null && isSame(session.attemptHash, attemptHash);",
        "return false;",
      ],
    ],
  },
  {
    name: "epoch",
    file: "server/store/sessions.ts",
    changes: [["gte(sessions.epoch, users.tokenEpoch),", ""]],
  },
  {
    name: "min-epoch-in-the-database",
    file: "server/denylist/replica.ts",
    changes: [[
      "sessionIds.has(sessionId) || epoch < (minEpochs.get(userId) ?? 0)",
      "sessionIds.has(sessionId)",
    ]],
  },
  {
    name: "min-epoch-in-the-replica",
    file: "server/denylist/replica.ts",
    changes: [[
      "sessions.has(sessionId) || epoch < (minEpochs.get(userId)?.minEpoch ?? 0)",
      "sessions.has(sessionId)",
    ]],
  },
  {
    name: "horizon",
    file: "server/store/denylist.ts",
    changes: [
      ["d.xid >= ${String(horizon)}::xid8", "d.seq > ${String(horizon)}::bigint"],
      [
        "horizon: BigInt(first.xmin),",
        "horizon: rows.reduce((last, { seq }) => seq !== null && BigInt(seq) > last ? BigInt(seq) : last, horizon),",
      ],
    ],
  },
  {
    name: "lease",
    file: "server/denylist/denylist.ts",
    changes: [["replica.leaseAgeMs() <= maxStalenessSeconds * 1_000", "replica.leaseAgeMs() < Infinity"]],
  },
  {
    name: "announcement",
    file: "server/denylist/denylist.ts",
    changes: [["replica.add(rows);", ""]],
  },
  {
    name: "leeway",
    file: "server/flows/session/refresh.ts",
    changes: [["return ageSeconds < windowSeconds;", "return ageSeconds <= windowSeconds;"]],
  },
  {
    name: "reuse",
    file: "server/flows/session/refresh.ts",
    changes: [['await endSession(tx, session.id, "reuse");', "[];"]],
  },
  {
    name: "second-look",
    file: "server/flows/session/refresh.ts",
    changes: [["if (isSame(parent.hash, session.currentHash)) return { isCurrent: true };", ""]],
    test: "crossed_calls_test.ts",
  },
  {
    name: "still-live",
    file: "server/flows/session/logout.ts",
    changes: [['if (state === null || state.ended) throw new AuthError("SESSION_REVOKED");', ""]],
    test: "crossed_calls_test.ts",
  },
];

const root = new URL("../../", import.meta.url).pathname;
const copied = [
  "server",
  "client",
  "shared",
  "migrations",
  "tests/kit",
  "tests/model",
  "deno.json",
  "deno.lock",
];

async function run(command: string, args: string[], cwd: string, env: Record<string, string> = {}) {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd, env }).output();
  const decoder = new TextDecoder();
  return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

async function copyProduct(): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "watchword-mutant-" });
  await Deno.mkdir(`${copy}/tests`);
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

/** The failing seed and the shrunk schedule, as the test printed them, or the names of what failed. */
function findStory(output: string): string {
  // deno-lint-ignore no-control-regex -- the colours of the terminal
  const plain = output.replaceAll(/\u001b\[[0-9;]*m/g, "");
  if (!plain.includes("MODEL_SEED=")) return plain.slice(plain.indexOf(" FAILURES "));
  const story = plain.slice(plain.indexOf("MODEL_SEED="));
  return story.slice(0, story.indexOf("\n    if (") + 1 || 2_000).trimEnd();
}

/** @returns whether the model test went as it should */
async function tryOut(mutant: Mutant | null, databaseUrl: string): Promise<boolean> {
  const copy = await copyProduct();
  try {
    if (mutant !== null) await mutate(copy, mutant);
    const startedAt = performance.now();
    const test = ["test", "-A", "--no-check", `tests/model/${mutant?.test ?? "rotation_model_test.ts"}`];
    const { success, output } = await run("deno", test, copy, { TEST_DATABASE_URL: databaseUrl });
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    const verdict = success ? "goes as the model says" : `diverges\n${findStory(output)}`;
    // deno-lint-ignore no-console -- a script's output
    console.log(`${mutant?.name ?? "the product itself"} (${seconds} s): ${verdict}\n`);
    return success === (mutant === null);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

if (import.meta.main) {
  const databaseUrl = await findServerUrl();
  const chosen = mutants.filter(({ name }) => Deno.args.includes(name));
  // Unless some are named, the product itself goes first: what it does not hold, a mutant cannot be told by.
  const tried = Deno.args.length > 0 ? chosen : [null, ...mutants];
  let isAsExpected = tried.length > 0;
  for (const mutant of tried) isAsExpected = await tryOut(mutant, databaseUrl) && isAsExpected;
  Deno.exit(isAsExpected ? 0 : 1);
}
