import { build, type Plugin } from "esbuild";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const projectFolder = decodeURIComponent(new URL("../..", import.meta.url).pathname);
const trpc = ["@trpc/client", "@trpc/server"];

interface Bundle {
  /** The module to be bundled. */
  code: string;
  /** Where its packages are. */
  folder?: string;
  /** Packages that are left out. */
  external?: readonly string[];
}

/** The workspace's own names, as files. */
async function readAliases(): Promise<Record<string, string>> {
  const aliases: Record<string, string> = {};
  for (const name of ["shared", "client"]) {
    const { exports } = JSON.parse(await Deno.readTextFile(join(projectFolder, name, "deno.json")));
    for (const [key, file] of Object.entries<string>(exports)) {
      aliases[join("@watchword", name, key)] = join(projectFolder, name, file);
    }
  }
  return aliases;
}

/** What a module weighs in a browser: bundled with all that it exports, minified, gzipped. In bytes. */
export async function measureBundle(
  { code, folder = projectFolder, external = [] }: Bundle,
): Promise<number> {
  const { outputFiles: [file] } = await build({
    stdin: { contents: code, resolveDir: folder, loader: "ts" },
    nodePaths: [join(folder, "node_modules")],
    external: [...external, "react", "node:*"],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
    logLevel: "silent",
    plugins: [await aliasPlugin()],
  });
  return gzipSync(file?.contents ?? new Uint8Array(), { level: 9 }).length;
}

async function aliasPlugin(): Promise<Plugin> {
  const aliases = await readAliases();
  return {
    name: "workspace",
    setup({ onResolve }) {
      onResolve({ filter: /^@watchword\// }, ({ path: name }) => {
        const path = aliases[name];
        return path === undefined ? null : { path };
      });
    },
  };
}

/** A goal: what is measured, and how many bytes it may have. */
export interface SizeGoal {
  name: string;
  goalBytes: number;
  /** What the gate lets through until the goal is met; only ever lowered. @default goalBytes */
  maxBytes?: number;
  measure: () => Promise<number>;
}

const KIB = 1_024;
const all = (...entries: string[]) => entries.map((entry) => `export * from "${entry}";`).join("\n");

/** What an entry adds to an app that has the core already. */
async function measureEntry(entry: string): Promise<number> {
  const core = await measureBundle({ code: all("@watchword/client"), external: trpc });
  return await measureBundle({ code: all("@watchword/client", entry), external: trpc }) - core;
}

/** The goals of the client's size. */
export const sizeGoals: SizeGoal[] = [
  {
    name: "core, without @trpc",
    goalBytes: 4.5 * KIB,
    maxBytes: 6.5 * KIB,
    measure: () => measureBundle({ code: all("@watchword/client"), external: trpc }),
  },
  { name: "+ storage (web)", goalBytes: 2 * KIB, measure: () => measureEntry("@watchword/client/storage") },
  { name: "+ cookie mode", goalBytes: 2 * KIB, measure: () => measureEntry("@watchword/client/cookie") },
  { name: "+ sse", goalBytes: KIB, measure: () => measureEntry("@watchword/client/sse") },
  { name: "+ ws", goalBytes: 0.6 * KIB, measure: () => measureEntry("@watchword/client/ws") },
  { name: "+ react", goalBytes: 1.2 * KIB, measure: () => measureEntry("@watchword/client/react") },
  {
    name: "whole client, with @trpc's batch link",
    goalBytes: 11 * KIB,
    maxBytes: 13 * KIB,
    measure: () => measureBundle({ code: all("@watchword/client") }),
  },
];
