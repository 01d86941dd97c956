/**
 * What `deno task test` runs: the suite on a throwaway PostgreSQL 18. With `--debian`: what asks most of SQL, on
 * Debian's PostgreSQL, where that is installed. Other arguments go to `deno test`.
 */
import { findChromium } from "./browser/find_chromium.ts";
import { print } from "../server/observe/log.ts";
import { startEmbeddedPostgres } from "../server/store/embedded_postgres.ts";

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

interface Plan {
  /** Files and folders that are left out. */
  ignored: string[];
  /** What was asked for; nothing is everything. */
  asked: string[];
  flags: string[];
  /** For the tests' own knobs. */
  env?: Record<string, string>;
  signal: AbortSignal;
}

// Each worker's services share one PostgreSQL, which takes 400 connections.
const jobs = Deno.env.get("DENO_JOBS") ?? String(Math.min(navigator.hardwareConcurrency, 8));
const DEBIAN_POSTGRES = "/usr/lib/postgresql";
// They watch deadlines and whole processes, so they run after the rest, which needs the processor.
const alone = ["tests/faults", "tests/service", "tests/browser"];
// They need `dist/`, or other runtimes, and have tasks of their own.
const elsewhere = ["tests/packages", "tests/runtimes", "tests/hosts"];
// What depends on the version of PostgreSQL, if anything does.
const askSql = [
  "tests/model",
  "tests/library",
  "tests/faults/denylist_order_test.ts",
  "tests/faults/pruning_test.ts",
];
const aboutOthers = /^(?:client|rest|verifier|ws|fast)_/;
// deno-lint-ignore no-control-regex -- colours
const colours = /\u001b\[[0-9;]*m/g;
const summary =
  /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(?: \| (\d+) ignored)?/gm;

function sum(runs: Totals[]): Totals {
  const add = (count: keyof Totals) => runs.reduce((total, run) => total + run[count], 0);
  return { passed: add("passed"), failed: add("failed"), skipped: add("skipped") };
}

/** Passes a stream on to the terminal and keeps its text. */
async function relay(stream: ReadableStream<Uint8Array>, to: typeof Deno.stdout): Promise<string> {
  const decoder = new TextDecoder();
  const writer = to.writable.getWriter();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    await writer.write(chunk);
  }
  writer.releaseLock();
  return text.replace(colours, "");
}

async function runTests(databaseUrl: string, args: string[], { env, signal }: Plan): Promise<Totals> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", ...args],
    env: { ...env, DENO_JOBS: jobs, TEST_DATABASE_URL: databaseUrl },
    stdout: "piped",
    stderr: "piped",
    signal,
  }).spawn();
  const [text, , { success }] = await Promise.all([
    relay(child.stdout, Deno.stdout),
    relay(child.stderr, Deno.stderr),
    child.status,
  ]);
  const [, passed = 0, failed = 0, skipped = 0] = [...text.matchAll(summary)].at(-1)?.map(Number) ?? [];
  // A run that ended badly without a failed test had a module that did not load, or was broken off.
  return { passed, failed: success ? failed : Math.max(failed, 1), skipped: skipped || 0 };
}

/** The whole suite in two goes; what was asked for by name in one. */
async function runPlan(databaseUrl: string, plan: Plan): Promise<Totals> {
  const { ignored, asked, flags } = plan;
  const ignore = (paths: string[]) => paths.length > 0 ? [`--ignore=${paths.join(",")}`] : [];
  if (asked.length > 0) {
    return await runTests(databaseUrl, ["--parallel", ...flags, ...ignore(ignored), ...asked], plan);
  }
  return sum([
    await runTests(
      databaseUrl,
      ["--parallel", ...flags, ...ignore([...ignored, ...elsewhere, ...alone])],
      plan,
    ),
    await runTests(databaseUrl, [
      "--parallel",
      ...flags,
      ...ignore(ignored),
      ...alone.filter((path) => !ignored.includes(path)),
    ], plan),
  ]);
}

async function runOn(binaries: string | undefined, plan: Plan): Promise<Totals> {
  const dataDir = await Deno.makeTempDir({ prefix: "watchword-suite-" });
  try {
    await Deno.chmod(dataDir, 0o755);
    const server = await startEmbeddedPostgres({
      dataDir,
      isThrowaway: true,
      ...(binaries ? { binaries } : {}),
    });
    try {
      return await runPlan(server.databaseUrl, plan);
    } finally {
      await server.stop();
    }
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

async function findLongTests(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...await findLongTests(path));
    else if (name.endsWith("_long_test.ts")) found.push(path);
  }
  return found;
}

async function findDebianPostgres(): Promise<{ version: number; binaries: string } | null> {
  const installed: { version: number; binaries: string }[] = [];
  try {
    for await (const { name } of Deno.readDir(DEBIAN_POSTGRES)) {
      const binaries = `${DEBIAN_POSTGRES}/${name}/bin`;
      const hasServer = await Deno.stat(`${binaries}/initdb`).then(() => true, () => false);
      if (hasServer && Number(name) >= 15) installed.push({ version: Number(name), binaries });
    }
  } catch {
    return null;
  }
  return installed.sort((a, b) => b.version - a.version)[0] ?? null;
}

async function findSqlTests(): Promise<string[]> {
  const found = [...askSql];
  for await (const { name } of Deno.readDir("tests/flows")) {
    if (name.endsWith("_test.ts") && !aboutOthers.test(name)) found.push(`tests/flows/${name}`);
  }
  return found;
}

async function runOnDebian({ ignored, asked, signal }: Omit<Plan, "flags">): Promise<Totals> {
  const debian = await findDebianPostgres();
  if (debian === null) {
    print("Debian's PostgreSQL is not installed");
    return { passed: 0, failed: 0, skipped: 0 };
  }
  print(`on PostgreSQL ${debian.version}`);
  // The schedules of the model test ask less of the version than of the logic.
  const env: Record<string, string> = Deno.env.get("LONG") === "1" ? {} : { MODEL_RUNS: "200" };
  const tests = asked.length > 0 ? asked : await findSqlTests();
  return await runOn(debian.binaries, { ignored, asked: tests, flags: ["--no-check"], env, signal });
}

async function main(): Promise<void> {
  Deno.chdir(decodeURIComponent(new URL("..", import.meta.url).pathname));
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => stopping.abort());
  const { signal } = stopping;
  const ignored = Deno.env.get("LONG") === "1" ? [] : await findLongTests("tests");
  if (await findChromium() === null) {
    print("Chromium is not installed, so what needs it is left out");
    ignored.push("tests/browser", "tests/examples/todo_test.ts");
  }

  const asked = Deno.args.filter((arg) => arg !== "--debian");
  const totals = asked.length === Deno.args.length
    ? await runOn(undefined, { ignored, asked, flags: [], signal })
    : await runOnDebian({ ignored, asked, signal });

  const { passed, failed, skipped } = totals;
  print(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  Deno.exit(failed > 0 ? 1 : 0);
}

await main();
