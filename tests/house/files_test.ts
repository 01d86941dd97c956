import { assert, assertEquals } from "@std/assert";
import { isTest, listFiles, readSources } from "./sources.ts";

const sources = await readSources();
const sizeOf = ({ text }: { text: string }) => text.split("\n").length - 1;

/** The size that so many of the files stay within. */
function percentile(share: number, files: typeof sources): number {
  return files.map(sizeOf).toSorted((a, b) => a - b)[Math.floor((files.length - 1) * share)] ?? 0;
}

Deno.test("no file is above 400 lines, 95 of 100 have at most 250, half of the product's have at most 90", () => {
  assertEquals(sources.filter((source) => sizeOf(source) > 400).map(({ path }) => path), []);
  assert(percentile(0.95, sources) <= 250, `the 95th percentile is ${percentile(0.95, sources)} lines`);
  const product = sources.filter(({ path }) => !isTest(path));
  assert(percentile(0.5, product) <= 90, `the median is ${percentile(0.5, product)} lines`);
});

Deno.test("files are snake_case, and none is a drawer for odds and ends", () => {
  const names = sources.map(({ path }) => path.split("/").at(-1) ?? "");
  assertEquals(names.filter((name) => !/^_?[a-z0-9]+(?:_[a-z0-9]+)*(?:\.config)?\.tsx?$/.test(name)), []);
  assertEquals(names.filter((name) => /^(?:utils?|helpers?|types|index|common|misc)\.tsx?$/.test(name)), []);
});

Deno.test("nothing is exported as default, but for the two tools that ask for it", () => {
  const found = sources.filter(({ text }) => /^export default\b/m.test(text)).map(({ path }) => path);
  assertEquals(found, ["examples/todo/vite.config.ts", "server/drizzle.config.ts"]);
});

Deno.test("product code never silences the checks on any", () => {
  const silenced = sources.filter(({ path, text }) =>
    !isTest(path) && /deno-lint-ignore.*no-explicit-any|@ts-(?:ignore|expect-error|nocheck)/.test(text)
  );
  assertEquals(silenced.map(({ path }) => path), []);
});

Deno.test("no file names a machine's folder, a registry's host or a tool's session", async () => {
  const text = /\.(?:tsx?|json|md|sql|example)$|^\.ci\//;
  const traces = /\/(?:home|Users|root|work)\/|registry\.npmjs|\b(?:claude|copilot|chatgpt)\b/i;
  const folder = new URL("../../", import.meta.url);
  const found: string[] = [];
  for (const path of [...await listFiles(), ".ci/run", ".env.example"]) {
    if (!text.test(path) || path.endsWith("files_test.ts")) continue;
    if (traces.test(await Deno.readTextFile(new URL(path, folder)))) found.push(path);
  }
  assertEquals(found, []);
});

Deno.test("each test promises something: it asserts, and none is left out or run alone", () => {
  const tests = sources.filter(({ path }) => path.endsWith("_test.ts"));
  const idle = tests.filter(({ text }) => !/\bassert|\bthrow\b|\brefuses|Equal</.test(text));
  const partial = tests.filter(({ text }) =>
    /Deno\.test\.(?:only|ignore)|\b(?:ignore|only): true/.test(text)
  );
  assertEquals([...idle, ...partial].map(({ path }) => path), []);
});
