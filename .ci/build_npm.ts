/**
 * What `deno task build:npm` runs: one npm tarball a package, in `dist/`. A package holds the files that its entries
 * reach, laid out as they are here and compiled one by one, and for each entry one file of types that holds nothing
 * but what can be seen from it: no type of a private file, or of a package behind it, reaches an app's compiler.
 */
import { join, relative } from "node:path";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";
import { print } from "../server/observe/log.ts";
import { createManifest, type DenoPackage } from "./npm_manifest.ts";
import { createReadme } from "./npm_readme.ts";

const projectFolder = decodeURIComponent(new URL("..", import.meta.url).pathname);
const distFolder = join(projectFolder, "dist");
const packageNames = ["shared", "server", "client"] as const;
const importStatement = /^(?!\s*\*)(.*?\b(?:from|import)\s*\(?\s*)"((?:\.|@watchword\/)[^"]*)"/gm;

const packageImport =
  /^(?!\s*\*).*?\b(?:from|import|resolve)\s*\(?\s*["']((?:@[^/"']+\/)?[a-z][^/"':]*)(?=["'/])/gm;

const readJson = async (path: string) => JSON.parse(await Deno.readTextFile(join(projectFolder, path)));

async function run(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd: projectFolder }).output();
  const [output, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (!success) throw new Error(`${command} ${args[0]} failed:\n${output}${errors}`);
  return output ?? "";
}

/** Where the types are before they are bundled. */
const typesOf = (folder: string) => `${folder}.types`;

/** The files of the workspace by the names that they are imported by. */
async function readEntries(): Promise<Map<string, string>> {
  const entries = new Map<string, string>();
  for (const name of packageNames) {
    const { exports } = await readJson(`${name}/deno.json`) as DenoPackage;
    for (const [key, file] of Object.entries(exports)) {
      entries.set(join("@watchword", name, key), join(name, file));
    }
  }
  return entries;
}

async function compile(folder: string, entries: Map<string, string>, files: string[]): Promise<void> {
  const { compilerOptions } = await readJson("deno.json");
  const toPath = (file: string) => join(projectFolder, file);
  const config = {
    compilerOptions: {
      ...compilerOptions,
      target: "es2022",
      lib: ["esnext", "dom", "dom.iterable", "dom.asynciterable"],
      types: ["node"],
      typeRoots: [join(projectFolder, "node_modules/@types")],
      jsx: "react-jsx",
      module: "esnext",
      moduleResolution: "bundler",
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
      skipLibCheck: true,
      declaration: true,
      declarationDir: typesOf(folder),
      noEmitOnError: true,
      rootDir: projectFolder,
      outDir: folder,
      paths: Object.fromEntries(Array.from(entries, ([name, file]) => [name, [toPath(file)]])),
    },
    files: files.map(toPath),
  };
  const configFile = `${folder}.tsconfig.json`;
  await Deno.writeTextFile(configFile, JSON.stringify(config));
  const tsc = join(projectFolder, "node_modules/typescript/lib/tsc.js");
  await run(Deno.execPath(), ["run", "-A", tsc, "--project", configFile]);
  await Deno.remove(configFile);
}

async function* walk(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* walk(path);
    else yield path;
  }
}

/** The file that an import leads to, as a path from the importing one. */
function toRelative(specifier: string, from: string, entries: Map<string, string>): string {
  const file = specifier.startsWith(".") ? specifier : entries.get(specifier);
  if (file === undefined) throw new Error(`${from}: ${specifier} is no entry of the workspace`);
  const path = specifier.startsWith(".") ? file : relative(join(from, ".."), file);
  return (path.startsWith(".") ? path : `./${path}`).replace(/\.tsx?$/, ".js");
}

/** Makes every import between our files lead to what was compiled. */
async function linkFiles(folder: string, entries: Map<string, string>): Promise<void> {
  for await (const path of walk(folder)) {
    const from = relative(folder, path);
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(
      path,
      text.replaceAll(
        importStatement,
        (_, start, specifier) => `${start}"${toRelative(specifier, from, entries)}"`,
      ),
    );
  }
}

/** The packages that compiled files and their types import. */
async function findImported(folder: string): Promise<Set<string>> {
  const packages = new Set<string>();
  for await (const path of walk(folder)) {
    for (const [, name = ""] of (await Deno.readTextFile(path)).matchAll(packageImport)) packages.add(name);
  }
  return packages;
}

/** Writes one file of types an entry, and one for what entries share. */
async function bundleTypes(folder: string, files: string[]): Promise<void> {
  const bundle = await rollup({
    input: Object.fromEntries(files.map((file) => {
      const name = file.replace(/\.tsx?$/, "");
      return [name, join(typesOf(folder), `${name}.d.ts`)];
    })),
    plugins: [dts()],
    external: (id) => !id.startsWith(".") && !id.startsWith("/"),
    onwarn: ({ message }) => print(message),
  });
  await bundle.write({ dir: folder, entryFileNames: "[name].d.ts", chunkFileNames: "types/[name].ts" });
  await Deno.remove(typesOf(folder), { recursive: true });
}

async function copyFolder(from: string, to: string): Promise<void> {
  for await (const path of walk(from)) {
    const target = join(to, relative(from, path));
    await Deno.mkdir(join(target, ".."), { recursive: true });
    await Deno.copyFile(path, target);
  }
}

async function buildPackage(
  name: (typeof packageNames)[number],
  entries: Map<string, string>,
): Promise<string> {
  const folder = join(distFolder, name);
  const denoPackage = await readJson(`${name}/deno.json`) as DenoPackage;
  const files = Object.values(denoPackage.exports).map((file) => join(name, file));
  await compile(folder, entries, files);
  await linkFiles(typesOf(folder), entries);
  await linkFiles(folder, entries);
  await bundleTypes(folder, files);
  const imported = await findImported(folder);
  if (name === "server") await copyFolder(join(projectFolder, "migrations"), join(folder, "migrations"));
  const { imports } = await readJson("deno.json");
  const manifest = createManifest(denoPackage, { imports, imported, folder: name });
  await Deno.writeTextFile(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  await Deno.writeTextFile(
    join(folder, "README.md"),
    await createReadme(denoPackage, { manifest, projectFolder }),
  );
  await Deno.copyFile(join(projectFolder, ".ci/LICENSE"), join(folder, "LICENSE"));
  const packed = await run("npm", ["pack", folder, "--pack-destination", distFolder, "--json"]);
  const [{ filename, size }] = JSON.parse(packed);
  print(`dist/${filename}  ${(size / 1_024).toFixed(1)} KiB`);
  return filename;
}

await Deno.remove(distFolder, { recursive: true }).catch(() => {});
await Deno.mkdir(distFolder);
const entries = await readEntries();
for (const name of packageNames) await buildPackage(name, entries);
