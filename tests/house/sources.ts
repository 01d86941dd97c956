import { dirname, join } from "node:path";

/** A source file, with what it imports. */
export interface Source {
  /** From the project's folder. */
  path: string;
  text: string;
  imports: Import[];
}

interface Import {
  specifier: string;
  isType: boolean;
  /** The file of ours that it leads to. */
  target: string | null;
}

export const projectFolder = decodeURIComponent(new URL("../..", import.meta.url).pathname);
const skipped = /^(?:node_modules|dist|coverage|\..*)$/;
const packages = ["shared", "server", "client"];
const importStatement =
  /^\s*(?:import|export)\s+(type\s)?(?:[^;"']*?\sfrom\s+)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm;

/** Reads a file of the project. */
export const readFile = (path: string): Promise<string> => Deno.readTextFile(`${projectFolder}${path}`);

async function* walk(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(`${projectFolder}${folder}`)) {
    if (skipped.test(name)) continue;
    const path = join(folder, name);
    if (isDirectory) yield* walk(path);
    else yield path;
  }
}

/** Every file of the project, generated ones left out. */
export async function listFiles(): Promise<string[]> {
  return (await Array.fromAsync(walk("."))).toSorted();
}

/** Every TypeScript file. */
export async function readSources(): Promise<Source[]> {
  const exported = new Map<string, string>();
  for (const name of packages) {
    const { exports } = JSON.parse(await readFile(`${name}/deno.json`)) as {
      exports: Record<string, string>;
    };
    for (const [key, file] of Object.entries(exports)) {
      exported.set(join("@watchword", name, key), join(name, file));
    }
  }
  const paths = (await listFiles()).filter((path) => /\.tsx?$/.test(path));
  return await Promise.all(paths.map(async (path) => {
    const text = await readFile(path);
    const imports = Array.from(text.matchAll(importStatement), ([, type, from, dynamic]) => {
      const specifier = from ?? dynamic ?? "";
      const target = specifier.startsWith(".")
        ? join(dirname(path), specifier)
        : exported.get(specifier) ?? null;
      return { specifier, isType: type !== undefined, target };
    });
    return { path, text, imports };
  }));
}

/** The first folder of a path: a package, `tests` or `examples`. */
export const roomOf = (path: string): string => path.split("/", 1)[0] ?? "";
export const isTest = (path: string): boolean => roomOf(path) === "tests" || path.endsWith("_test.ts");
