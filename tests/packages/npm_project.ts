import { existsSync } from "node:fs";
import { join } from "node:path";

/** What a command printed, and how it ended. */
export interface Outcome {
  code: number;
  stdout: string;
  /** Both streams. */
  output: string;
}

/** An npm project in an empty folder of its own. */
export interface NpmProject extends AsyncDisposable {
  path: string;
  write(name: string, text: string): Promise<void>;
  /** Runs a command in the project to its end, which must come within the time. */
  run(command: string, args: string[], options?: { timeoutMs?: number }): Promise<Outcome>;
}

const projectFolder = decodeURIComponent(new URL("../..", import.meta.url).pathname);
export const distFolder = join(projectFolder, "dist");
const packageNames = ["client", "server", "shared"] as const;

/** A tarball, as a dependency. */
export function tarball(name: (typeof packageNames)[number]): Record<string, string> {
  const file = join(distFolder, `watchword-${name}-0.1.0.tgz`);
  if (!existsSync(file)) throw new Error("there is no tarball yet; run: deno task build:npm");
  return { [`@watchword/${name}`]: `file:${file}` };
}

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Installs packages from npm into an empty folder. */
export async function makeNpmProject(dependencies: Record<string, string>): Promise<NpmProject> {
  const path = await Deno.makeTempDir({ prefix: "watchword-npm-" });
  const project: NpmProject = {
    path,
    write: (name, text) => Deno.writeTextFile(join(path, name), text),
    async run(command, args, { timeoutMs = 120_000 } = {}) {
      const { code, stdout, stderr } = await new Deno.Command(command, {
        args,
        cwd: path,
        env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
        stdin: "null",
        signal: AbortSignal.timeout(timeoutMs),
      }).output();
      return { code, stdout: decode(stdout), output: decode(stdout) + decode(stderr) };
    },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
  await project.write("package.json", JSON.stringify({ private: true, type: "module", dependencies }));
  const { code, output } = await project.run("npm", [
    "install",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
  ], {
    timeoutMs: 300_000,
  });
  if (code !== 0) throw new Error(`npm install failed:\n${output}`);
  return project;
}
