import { createTestDatabase, type TestDatabase } from "../kit/database.ts";
import { eventually } from "../kit/eventually.ts";
import { findFreePort } from "../kit/free_port.ts";
import { testSecret } from "../kit/app.ts";
import { projectFolder, spawnDeno } from "../kit/service_process.ts";
import { readBlocks, writeBlocks } from "./blocks.ts";

/** The recipes as files, their servers at a port of their own, on a database of their own. */
export interface Recipes extends AsyncDisposable {
  database: TestDatabase;
  /** `http://127.0.0.1:PORT`, where every recipe's server listens. */
  origin: string;
  /** Starts a recipe's server, or the product's own, and waits until it serves. */
  serve(path: string, options?: { port?: number }): Promise<string>;
  /** Tells a server to end. @returns its exit code */
  stop(origin: string): Promise<number>;
  /** Runs a recipe's script to its end. @returns what it printed */
  run(path: string, options?: RunOptions): Promise<string>;
  /** Loads a recipe's module into this process. */
  load<Module>(path: string): Promise<Module>;
}

interface RunOptions {
  /** @default run */
  command?: "run" | "test";
  args?: string[];
  env?: Record<string, string>;
  input?: string;
}

const page = "examples/docs/recipes.md";
const START_MAX_MS = 60_000;
const feedToken = "feed-token-feed-token-feed-token-feed";

/** Writes the recipes out, with a free port in place of 8000. */
export async function openRecipes(): Promise<Recipes> {
  const port = findFreePort();
  const blocks = readBlocks(page, await Deno.readTextFile(`${projectFolder}${page}`));
  const written = await writeBlocks(
    blocks.filter(({ path }) => path !== null),
    (text) => text.replaceAll(/\b8000\b/g, String(port)),
  );
  const database = await createTestDatabase();
  const origin = `http://127.0.0.1:${port}`;
  const environment = {
    DATABASE_URL: database.url,
    KEY_ENCRYPTION_SECRET: testSecret,
    REVOCATION_FEED_TOKEN: feedToken,
  };
  const children = new Map<string, Deno.ChildProcess>();
  const fileOf = (path: string) => path.startsWith("server/") ? path : `${written.folder}/${path}`;

  return {
    database,
    origin,
    async serve(path, { port: other = port } = {}) {
      const at = `127.0.0.1:${other}`;
      const child = spawnDeno({
        args: ["run", "-A", "--no-check", fileOf(path)],
        env: { ...environment, DENO_SERVE_ADDRESS: `tcp:${at}`, PORT: String(other) },
      });
      children.set(`http://${at}`, child);
      const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
      let end: string | undefined;
      void child.status.then(async () => end = (await output).join(""));
      await eventually(`${path} serves`, START_MAX_MS, async () => {
        if (end !== undefined) throw new Error(`${path} ended:\n${end}`);
        return await fetch(`http://${at}/`).then((answer) => answer.text().then(() => true), () => false);
      });
      return `http://${at}`;
    },
    async stop(at) {
      const child = children.get(at);
      child?.kill("SIGTERM");
      return (await child?.status)?.code ?? -1;
    },
    async run(path, { command = "run", args = [], env = {}, input = "" } = {}) {
      const child = new Deno.Command(Deno.execPath(), {
        args: [command, "-A", "--no-check", fileOf(path), ...args],
        env: { ...environment, ...env, NO_COLOR: "1" },
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(input));
      await writer.close();
      const { success, stdout, stderr } = await child.output();
      if (!success) throw new Error(`${path} failed:\n${new TextDecoder().decode(stderr)}`);
      return new TextDecoder().decode(stdout).trim();
    },
    load: async (path) => await import(`${written.folder}/${path}`),
    async [Symbol.asyncDispose]() {
      for (const child of children.values()) {
        try {
          child.kill("SIGKILL");
        } catch {
          // It has ended by itself.
        }
        await child.status;
      }
      await written[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}
