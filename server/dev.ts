import { resolve } from "node:path";
import process from "node:process";
import { ConfigError, parseConfig } from "./config.ts";
import { exitWith, readEnvironment } from "./main.ts";
import { print } from "./observe/log.ts";
import { readOrCreateSecret, startEmbeddedPostgres } from "./store/embedded_postgres.ts";

const SETTLE_MS = 200;
const pathOf = (relative: string) => decodeURIComponent(new URL(relative, import.meta.url).pathname);
const isSource = (path: string) => /\.(ts|sql|json)$/.test(path) && !path.endsWith("_test.ts");

/** Calls back when source has changed and then rested for a moment. */
async function watch(changed: () => void): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  for await (const { kind, paths } of Deno.watchFs(["../server", "../shared", "../migrations"].map(pathOf))) {
    if (kind === "access" || !paths.some(isSource)) continue;
    clearTimeout(timer);
    timer = setTimeout(changed, SETTLE_MS);
  }
}

function spawnService(
  settings: Record<string, string>,
  { isFirst }: { isFirst: boolean },
): Deno.ChildProcess {
  const args = ["run", "-A", pathOf("./dev_service.ts"), ...(isFirst ? ["--first"] : [])];
  // The pipe is never written to: its end tells the service that this process is gone, however that came.
  return new Deno.Command(Deno.execPath(), { args, env: settings, stdin: "piped" }).spawn();
}

/**
 * Keeps the service running and starts it again when its source changes. A service that ends by itself ends
 * this too, unless a change broke it: then the next change is waited for.
 *
 * `deno run --watch` would not do: it outlives SIGTERM, and stops what is under way half a second after it.
 *
 * @returns the exit code
 */
async function keepRunning(settings: Record<string, string>, stopping: AbortSignal): Promise<number> {
  let service: Deno.ChildProcess | undefined;
  let changes = 0;
  let wake = () => {};
  const end = () => {
    service?.kill("SIGTERM");
    wake();
  };
  stopping.addEventListener("abort", end);
  watch(() => {
    changes++;
    end();
  });
  while (!stopping.aborted) {
    const seen = changes;
    service = spawnService(settings, { isFirst: seen === 0 });
    const { code, signal } = await service.status;
    service = undefined;
    if (stopping.aborted) return signal === null ? code : 0;
    if (changes > seen) continue;
    if (seen === 0 || signal !== null || code === 0) return code;
    print("watchword: the service ended; it is started again at the next change");
    await new Promise<void>((resolve) => wake = resolve);
  }
  return 0;
}

async function makeFolder(dataDir: string): Promise<void> {
  await Deno.mkdir(dataDir, { recursive: true }).catch(({ name }) => {
    throw new ConfigError(`the folder of DATA_DIR cannot be made (${name})`);
  });
}

async function dev(): Promise<number> {
  const stopping = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => stopping.abort());
  }
  const config = parseConfig(readEnvironment(), { mode: "dev" });
  const dataDir = resolve(config.DATA_DIR);
  if (config.DATABASE_URL === undefined || config.KEY_ENCRYPTION_SECRET === undefined) {
    await makeFolder(dataDir);
  }
  const embedded = config.DATABASE_URL === undefined ? await startEmbeddedPostgres({ dataDir }) : undefined;
  try {
    return await keepRunning({
      DATABASE_URL: config.DATABASE_URL ?? embedded?.databaseUrl ?? "",
      KEY_ENCRYPTION_SECRET: config.KEY_ENCRYPTION_SECRET ??
        await readOrCreateSecret(`${dataDir}/key_encryption_secret`),
    }, stopping.signal);
  } finally {
    await embedded?.stop();
  }
}

if (import.meta.main) await dev().then((code) => process.exit(code), exitWith);
