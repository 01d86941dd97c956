import { transform } from "esbuild";
import type { NpmProject, Outcome } from "../packages/npm_project.ts";
import { versions } from "../packages/versions.ts";

/** What a script is run with: a command, and what comes before the script. */
export interface Runtime {
  name: string;
  version: string;
  command: string;
  args: string[];
}

/** The packages that bring the runtimes. */
export const runtimePackages = {
  "oldest-node": `npm:node@${versions.oldestNode}`,
  "newest-node": `npm:node@${versions.newestNode}`,
  "bun": versions.bun,
};

/** Every runtime that the packages are promised for, from a project with {@link runtimePackages}. */
export function runtimesOf({ path }: NpmProject): Runtime[] {
  const { oldestNode, newestNode, bun } = versions;
  const deno = Deno.version.deno;
  return [
    {
      name: `Node ${oldestNode}`,
      version: oldestNode,
      command: `${path}/node_modules/oldest-node/bin/node`,
      args: [],
    },
    {
      name: `Node ${newestNode}`,
      version: newestNode,
      command: `${path}/node_modules/newest-node/bin/node`,
      args: [],
    },
    { name: `Bun ${bun}`, version: bun, command: `${path}/node_modules/.bin/bun`, args: ["run"] },
    {
      name: `Deno ${deno}`,
      version: deno,
      command: Deno.execPath(),
      args: ["run", "-A", "--no-config", "--node-modules-dir=manual"],
    },
  ];
}

/** The Node.js of this machine. */
export async function findMachinesNode(): Promise<Runtime> {
  const { stdout } = await new Deno.Command("node", { args: ["--version"] }).output();
  const version = new TextDecoder().decode(stdout).trim().replace(/^v/, "");
  return { name: `Node ${version}`, version, command: "node", args: [] };
}

// A script that leaves a timer or a connection open does not end, and is stopped then.
const END_MAX_MS = 60_000;

/** Puts a script of `scripts/` into a project, its types taken off. */
export async function addScript(project: NpmProject, name: string): Promise<void> {
  const source = await Deno.readTextFile(new URL(`scripts/${name}.ts`, import.meta.url));
  const { code } = await transform(source, { loader: "ts", target: "es2022" });
  await project.write(`${name}.js`, code);
}

/** Runs a script to its end. @returns what it printed as JSON */
export async function runScript(
  project: NpmProject,
  { command, args }: Runtime,
  script: [name: string, ...args: string[]],
): Promise<unknown> {
  const [name, ...parameters] = script;
  const outcome: Outcome = await project.run(command, [...args, `${name}.js`, ...parameters], {
    timeoutMs: END_MAX_MS,
  });
  if (outcome.code !== 0) throw new Error(`${name} ended with ${outcome.code}:\n${outcome.output}`);
  return JSON.parse(outcome.stdout);
}
