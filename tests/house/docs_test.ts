import { assert, assertEquals } from "@std/assert";
import { reasons } from "@watchword/shared";
import { dirname, join } from "node:path";
import { type Block, readBlocks, writeBlocks } from "../docs/blocks.ts";
import { listFiles, projectFolder, readFile } from "./sources.ts";

const files = await listFiles();
const pages = new Map<string, string>();
for (const path of files.filter((path) => path.endsWith(".md"))) pages.set(path, await readFile(path));
const blocks = Array.from(pages, ([page, text]) => readBlocks(page, text)).flat();
const code = blocks.filter(({ language }) => /^tsx?$/.test(language));
const placeOf = ({ page, line }: Block) => `${page}:${line}`;

/** Where each shell block is run; by the line that it begins with. */
const shellBlocks: Record<string, string> = {
  "curl -s http://127.0.0.1:8000/trpc/auth.register":
    "tests/house/readme_test.ts: the README's first commands and its client run against `dev`, and answer as shown",
  "curl -s http://127.0.0.1:8000/v1/register":
    "tests/docs/recipes_test.ts: recipe: any language signs up, signs in and asks who it is with curl",
  "export DATABASE_URL=":
    "tests/examples/todo_test.ts: examples/todo: its migrations make what its schema asks for, beside Watchword's tables",
  "# In another terminal: the service, and an account.":
    "tests/examples/cli_test.ts: examples/cli: a session outlives the process that signed in, in a file that is the user's alone, until logout",
  "curl -s http://127.0.0.1:3000/api/trpc/auth.register":
    "tests/examples/node_express_test.ts: examples/node_express: an Express app in Node has accounts, and a procedure for those who have one",
  "deno task dev\ncurl -s":
    "tests/house/readme_test.ts: the README's first commands and its client run against `dev`, and answer as shown",
  "deno task keys:rotate":
    "tests/service/start_test.ts: start: keys:rotate publishes the next key beside the one that signs",
};

/** GitHub's anchors of a page's headings. */
function findAnchors(markdown: string): Set<string> {
  const anchors = new Set<string>();
  const counts = new Map<string, number>();
  for (const [, heading = ""] of markdown.replaceAll(/^```.*?^```$/gms, "").matchAll(/^#{1,6} (.+)$/gm)) {
    const slug = heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-");
    const count = counts.get(slug) ?? 0;
    counts.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return anchors;
}

async function run(args: string[]): Promise<{ success: boolean; text: string }> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd: projectFolder, env: { NO_COLOR: "1" } });
  const { success, stdout, stderr } = await command.output();
  return { success, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("every link of a page leads to a file, and to a heading in it", () => {
  const lost: string[] = [];
  let count = 0;
  for (const [page, text] of pages) {
    const prose = text.replaceAll(/^```.*?^```$/gms, "");
    for (const [, target = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      count++;
      if (/^https:\/\//.test(target)) continue;
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : join(dirname(page), path);
      const isThere = files.includes(file) || files.some((known) => known.startsWith(`${file}/`));
      const hasAnchor = anchor === undefined || findAnchors(pages.get(file) ?? "").has(anchor);
      if (!isThere || !hasAnchor) lost.push(`${page}: ${target}`);
    }
  }
  assert(count > 200);
  assertEquals(lost, []);
});

Deno.test("every page of the docs is linked from the README or from a page that is", () => {
  const reached = new Set(["README.md"]);
  for (const page of reached) {
    for (const [, target = ""] of (pages.get(page) ?? "").matchAll(/\]\(([^)#\s]+\.md)/g)) {
      reached.add(join(dirname(page), target));
    }
  }
  assertEquals(
    Array.from(pages.keys()).filter((page) => /^examples\/docs\//.test(page) && !reached.has(page)),
    [],
  );
});

Deno.test("a block of TypeScript that is not checked says why", () => {
  assertEquals(code.filter(({ ignored }) => ignored === "").map(placeOf), []);
});

Deno.test("every other block of TypeScript is type-checked, formatted and linted", async () => {
  const checked = code.filter(({ ignored }) => ignored === null);
  assert(checked.length > 30);
  await using written = await writeBlocks(checked);
  const answers = await Promise.all([
    run(["check", "--quiet", ...written.files]),
    run(["fmt", "--check", ...written.files]),
    run(["lint", "--quiet", "--rules-exclude=no-console", ...written.files]),
  ]);
  assertEquals(answers.filter(({ success }) => !success).map(({ text }) => text), []);
});

Deno.test("a block that is a file has one name", () => {
  const names = blocks.flatMap(({ path }) => path ?? []);
  assertEquals(names.filter((name, at) => names.indexOf(name) !== at), []);
});

Deno.test("every block of shell commands is run by a test that is named here", async () => {
  const shell = blocks.filter(({ language }) => language === "sh");
  const known = Object.keys(shellBlocks);
  const isKnown = ({ text }: Block) => known.some((start) => text.startsWith(start));
  assertEquals(shell.filter((block) => !isKnown(block)).map(placeOf), []);
  assertEquals(known.filter((start) => !shell.some(({ text }) => text.startsWith(start))), []);
  for (const place of Object.values(shellBlocks)) {
    const [file = "", ...name] = place.split(": ");
    assert((await readFile(file)).includes(name.join(": ")), place);
  }
});

Deno.test("reference.md and errors.md are what `deno task docs` makes of the code", async () => {
  const { success, text } = await run(["run", "--quiet", "--check", "-A", ".ci/build_docs.ts", "--check"]);
  assert(success, text);
});

Deno.test("errors.md has every reason, with its status and when it is the answer", () => {
  const page = pages.get("examples/docs/errors.md") ?? "";
  const told = Array.from(page.matchAll(/^### ([A-Z_]+)\n\n(\d{3}) .*\n\n- When: (.{20,})$/gm));
  assertEquals(
    told.map(([, reason, status]) => [reason, Number(status)]),
    Object.entries(reasons).map(([reason, { status }]) => [reason, status]),
  );
});

Deno.test("the reference has every entry of every package", async () => {
  const page = pages.get("examples/docs/reference.md") ?? "";
  for (const name of ["client", "server", "shared"]) {
    const { exports } = JSON.parse(await readFile(`${name}/deno.json`)) as {
      exports: Record<string, string>;
    };
    for (const key of Object.keys(exports)) {
      assert(page.includes(`\n## ${join("@watchword", name, key)}\n`), `${name} ${key}`);
    }
  }
});
