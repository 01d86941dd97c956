import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { distFolder, makeNpmProject } from "./npm_project.ts";
import { versions } from "./versions.ts";

const names = ["client", "server", "shared"] as const;
const CONTRACT_MAX_BYTES = 4_096;

interface Manifest {
  exports: Record<string, string | { types: string; default: string }>;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional: true }>;
}

const read = (name: string, path: string) => Deno.readTextFile(join(distFolder, name, path));
const readManifest = async (name: string): Promise<Manifest> => JSON.parse(await read(name, "package.json"));

/** The files in a tarball, without npm's folder. */
async function listTarball(name: string): Promise<string[]> {
  const file = join(distFolder, `watchword-${name}-0.1.0.tgz`);
  const { stdout } = await new Deno.Command("tar", { args: ["-tzf", file] }).output();
  return new TextDecoder().decode(stdout).trim().split("\n").map((path) => path.replace(/^package\//, ""));
}

const withoutComments = (text: string) => text.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/^\s*\n/gm, "");

Deno.test("a tarball holds JavaScript and types, a licence and a README, and no source or test", async () => {
  for (const name of names) {
    const files = await listTarball(name);
    const strays = files.filter((file) =>
      !/\.(?:js|d\.ts)$|^(?:package\.json|README\.md|LICENSE)$/.test(file) &&
      !(name === "server" && /^migrations\/.*\.(?:sql|json)$/.test(file))
    );
    assertEquals([name, strays, files.filter((file) => /_test\./.test(file))], [name, [], []]);
    for (const file of ["package.json", "README.md", "LICENSE"]) {
      assert(files.includes(file), `${name}: ${file}`);
    }
  }
});

Deno.test("every entry leads to a file and to its types", async () => {
  for (const name of names) {
    const files = await listTarball(name);
    for (const [entry, target] of Object.entries((await readManifest(name)).exports)) {
      const paths = typeof target === "string" ? [target] : Object.values(target);
      const lost = paths.filter((path) => !files.includes(path.replace(/^\.\//, "")));
      assertEquals([name, entry, lost], [name, entry, []]);
    }
  }
});

Deno.test("the server brings its migrations, every one that the journal names", async () => {
  const files = await listTarball("server");
  const { entries } = JSON.parse(await read("server", "migrations/meta/_journal.json"));
  const lost = entries.filter(({ tag }: { tag: string }) => !files.includes(`migrations/${tag}.sql`));
  assertEquals([lost, entries.length > 0], [[], true]);
});

Deno.test("the client depends on nothing, and asks only for tRPC", async () => {
  const { dependencies, peerDependencies, peerDependenciesMeta = {} } = await readManifest("client");
  const required = Object.keys(peerDependencies).filter((peer) => !Object.hasOwn(peerDependenciesMeta, peer));
  assertEquals([Object.keys(dependencies), required], [[], ["@trpc/client", "@trpc/server"]]);
});

Deno.test("no file of the client knows zod, a database, or the server", async () => {
  const files = (await listTarball("client")).filter((file) => /\.(?:js|d\.ts)$/.test(file));
  const knowing: string[] = [];
  for (const file of files) {
    const text = await read("client", file);
    if (/["'](?:zod|drizzle-orm|postgres|jose|@watchword\/server)["'/]|ZodObject/.test(text)) {
      knowing.push(file);
    }
  }
  assertEquals([knowing, files.length > 10], [[], true]);
});

Deno.test("no `any` stands in the types of the client", async () => {
  const files = (await listTarball("client")).filter((file) => file.endsWith(".d.ts"));
  for (const file of files) {
    const lines = withoutComments(await read("client", file)).split("\n");
    assertEquals([file, lines.filter((line) => /\bany\b/.test(line))], [file, []]);
  }
});

Deno.test("the contract is at most 4 KiB of types, comments and indentation left out", async () => {
  const { length } = withoutComments(await read("shared", "shared/contract.d.ts")).replaceAll(/^ +/gm, "");
  assert(length <= CONTRACT_MAX_BYTES, `it is ${length} bytes`);
});

Deno.test("publint and are-the-types-wrong find nothing in any package", async () => {
  await using project = await makeNpmProject({
    "publint": versions.publint,
    "@arethetypeswrong/cli": versions.attw,
  });
  for (const name of names) {
    const folder = join(distFolder, name);
    const publint = await project.run("npx", ["--no-install", "publint", folder, "--strict"]);
    assertEquals(
      [name, publint.code, /All good|no issues/i.test(publint.output)],
      [name, 0, true],
      publint.output,
    );
    const file = join(distFolder, `watchword-${name}-0.1.0.tgz`);
    const attw = await project.run("npx", [
      "--no-install",
      "attw",
      file,
      "--profile",
      "esm-only",
      "--no-emoji",
    ]);
    assertEquals([name, attw.code], [name, 0], attw.output);
  }
});
