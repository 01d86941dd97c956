/**
 * What `deno task docs` runs: writes the pages of `examples/docs/` that are made from the code. With `--check` it
 * writes nothing, and fails when one of them is out of date.
 */
import { print } from "../server/observe/log.ts";
import { createErrorsPage } from "./errors_page.ts";
import { createReferencePage } from "./reference_page.ts";

const folder = new URL("../examples/docs/", import.meta.url);
const pages = { "reference.md": createReferencePage, "errors.md": createErrorsPage };

async function main(): Promise<void> {
  const isCheck = Deno.args.includes("--check");
  const stale: string[] = [];
  for (const [name, create] of Object.entries(pages)) {
    const file = new URL(name, folder);
    const text = await create();
    const present = await Deno.readTextFile(file).catch(() => "");
    if (present === text) continue;
    stale.push(name);
    if (!isCheck) await Deno.writeTextFile(file, text);
  }
  for (const name of stale) {
    print(`examples/docs/${name} ${isCheck ? "is out of date: deno task docs" : "is written"}`);
  }
  if (isCheck && stale.length > 0) Deno.exit(1);
}

await main();
