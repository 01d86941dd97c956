import { dirname, join } from "node:path";
import { createRequire } from "node:module";

/** A host in a process of its own. */
export interface HostProcess extends AsyncDisposable {
  origin: string;
  /** Everything that it printed so far. */
  output(): string;
  /** Sends SIGTERM and waits for the end. */
  stop(): Promise<Deno.CommandStatus>;
}

interface SpawnOptions {
  command: string;
  args: string[];
  env: Record<string, string>;
}

const START_MAX_MS = 30_000;
const STOP_MAX_MS = 15_000;

/** Bun's own program, out of the package for this machine. */
export function findBun(): string {
  const { os, arch } = Deno.build;
  const require = createRequire(createRequire(import.meta.url).resolve("bun/package.json"));
  const name = `@oven/bun-${os}-${arch === "x86_64" ? "x64" : arch}/package.json`;
  return join(dirname(require.resolve(name)), "bin", os === "windows" ? "bun.exe" : "bun");
}

/** The program of a version of Node, from npm. */
export async function findNode(version: string): Promise<string> {
  const args = ["-y", `node@${version}`, "-p", "process.execPath"];
  const { success, stdout, stderr } = await new Deno.Command("npx", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

/** Starts a host and waits until it says where it listens. */
export async function startHost({ command, args, env }: SpawnOptions): Promise<HostProcess> {
  const child = new Deno.Command(command, {
    args,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  const listening = Promise.withResolvers<string>();
  async function read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
      text += piece;
      const origin = /listening on (http:\/\/[\d.]+:\d+)/i.exec(text)?.[1];
      if (origin !== undefined) listening.resolve(origin);
    }
  }
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  const fail = () => listening.reject(new Error(`the host did not start:\n${text}`));
  const timer = setTimeout(fail, START_MAX_MS);
  void reading.then(fail);

  async function stop(): Promise<Deno.CommandStatus> {
    const killer = setTimeout(() => child.kill("SIGKILL"), STOP_MAX_MS);
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended.
    }
    const status = await child.status;
    clearTimeout(killer);
    await reading;
    return status;
  }

  try {
    const origin = await listening.promise;
    return { origin, output: () => text, stop, [Symbol.asyncDispose]: async () => void await stop() };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
