import { environmentNames } from "../../server/config.ts";

/** A service in a process of its own. */
export interface ServiceProcess extends AsyncDisposable {
  pid: number;
  /** The origin that it printed last. */
  origin: string;
  /** Everything that it printed so far, on both streams. */
  output(): string;
  /** Waits until the output holds a text so many times. */
  printed(text: string, times?: number): Promise<void>;
  /** Sends a signal and waits for the end. */
  end(signal: Deno.Signal): Promise<Deno.CommandStatus>;
}

/** How to start one. */
export interface SpawnOptions {
  /** Arguments of `deno`. */
  args?: string[];
  /** The only settings that it gets. */
  env: Record<string, string>;
  cwd?: string;
  uid?: number;
  gid?: number;
}

export const projectFolder = decodeURIComponent(new URL("../..", import.meta.url).pathname);
const START_MAX_MS = 60_000;

/** The machine's environment without any setting of ours. */
function plainEnvironment(): Record<string, string> {
  const settings = Object.entries(Deno.env.toObject()).filter(([name]) =>
    !environmentNames.includes(name) && !name.startsWith("PG")
  );
  return { ...Object.fromEntries(settings), NO_COLOR: "1" };
}

/** Starts `deno` on the project. */
export function spawnDeno({ args = [], env, cwd = projectFolder, ...user }: SpawnOptions): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    clearEnv: true,
    env: { ...plainEnvironment(), ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...user,
  }).spawn();
}

/** Runs `deno` on the project to its end. `output` has both streams, `stdout` what was meant to be read. */
export async function runDeno(
  options: SpawnOptions,
): Promise<{ code: number; stdout: string; output: string }> {
  const { code, ...streams } = await spawnDeno(options).output();
  const [stdout, stderr] = [streams.stdout, streams.stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, stdout: stdout ?? "", output: `${stdout}${stderr}` };
}

/** Starts a service and waits until it listens. */
export async function startService(options: SpawnOptions): Promise<ServiceProcess> {
  const args = options.args ?? ["run", "-A", "server/dev.ts"];
  const child = spawnDeno({ ...options, args, env: { PORT: "0", ...options.env } });
  let text = "";
  let hasEnded = false;
  let notify = () => {};
  async function read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      notify();
    }
  }
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  void child.status.then(() => {
    hasEnded = true;
    notify();
  });

  async function printed(wanted: string, times = 1): Promise<void> {
    const timer = setTimeout(() => notify(), START_MAX_MS);
    const giveUpAt = Date.now() + START_MAX_MS;
    try {
      while (text.split(wanted).length <= times) {
        if (hasEnded || Date.now() >= giveUpAt) throw new Error(`it never printed "${wanted}":\n${text}`);
        await new Promise<void>((resolve) => notify = resolve);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async function end(signal: Deno.Signal): Promise<Deno.CommandStatus> {
    if (!hasEnded) child.kill(signal);
    const status = await child.status;
    await reading;
    return status;
  }

  await printed("listening on ").catch(async (error) => {
    await end("SIGKILL");
    throw error;
  });
  return {
    pid: child.pid,
    get origin() {
      return /.*listening on (http:\/\/\S+)/s.exec(text)?.[1] ?? "";
    },
    output: () => text,
    printed,
    end,
    async [Symbol.asyncDispose]() {
      await end("SIGTERM");
    },
  };
}

/** A folder for one test. */
export async function makeFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "watchword-service-" });
  await Deno.chmod(path, 0o755);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
