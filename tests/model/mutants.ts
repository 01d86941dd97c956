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
import { copyProject, type Mutant, mutate, runCommand, tryMutants } from "../kit/mutation.ts";

interface ModelMutant extends Mutant {
  /** Which test must notice. The random one meets these too, but not in every run. */
  test?: "crossed_calls_test.ts";
}

/** The safeguards. */
export const mutants: ModelMutant[] = [
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
    file: "server/denylist/entries.ts",
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

/** The failing seed and the shrunk schedule, as the test printed them, or the names of what failed. */
function findStory(output: string): string {
  // deno-lint-ignore no-control-regex -- the colours of the terminal
  const plain = output.replaceAll(/\u001b\[[0-9;]*m/g, "");
  if (!plain.includes("MODEL_SEED=")) return plain.slice(plain.indexOf(" FAILURES "));
  const story = plain.slice(plain.indexOf("MODEL_SEED="));
  return story.slice(0, story.indexOf("\n    if (") + 1 || 2_000).trimEnd();
}

/** @returns whether the model test went as it should */
async function tryOut(mutant: ModelMutant | null): Promise<boolean> {
  await using copy = await copyProject(copied);
  if (mutant !== null) await mutate(copy.path, mutant);
  const startedAt = performance.now();
  const test = ["test", "-A", "--no-check", `tests/model/${mutant?.test ?? "rotation_model_test.ts"}`];
  const env = { TEST_DATABASE_URL: await findServerUrl() };
  const { success, output } = await runCommand("deno", test, { cwd: copy.path, env });
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  const verdict = success ? "goes as the model says" : `diverges\n${findStory(output)}`;
  // deno-lint-ignore no-console -- a script's output
  console.log(`${mutant?.name ?? "the product itself"} (${seconds} s): ${verdict}\n`);
  return success === (mutant === null);
}

if (import.meta.main) await tryMutants(mutants, tryOut);
