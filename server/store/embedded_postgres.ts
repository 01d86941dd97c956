import process from "node:process";
import { readFileSync } from "node:fs";
import postgres from "postgres";
import { EmbeddedPostgresFailed, findPostgresPrograms, type PostgresPrograms } from "./postgres_programs.ts";

/** A PostgreSQL server of our own, reachable on loopback only. */
export interface EmbeddedPostgres {
  databaseUrl: string;
  stop(): Promise<void>;
}

interface StartOptions {
  dataDir: string;
  /** Trades durability for speed; for throwaway data only. */
  isThrowaway?: boolean;
  /** Where `initdb` and `pg_ctl` are. @default the packaged PostgreSQL 18 */
  binaries?: string;
}

const USER = "watchword";
const DATABASE = "watchword";
const GIVE_UP_MS = 10_000;

const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Repeats until something is there, for at most 10 s. */
async function poll<T>(attempt: () => T | null | Promise<T | null>, pauseMs: number): Promise<T | null> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (;;) {
    const found = await attempt();
    if (found !== null || performance.now() > giveUpAt) return found;
    await delay(pauseMs);
  }
}

/** Holds the directory for as long as this process lives: the kernel lets go of the lock with the process. */
async function lockDataDir(dataDir: string): Promise<Deno.FsFile> {
  try {
    await Deno.mkdir(dataDir, { recursive: true });
    const file = await Deno.open(`${dataDir}/lock`, { create: true, write: true, mode: 0o600 });
    if (await poll(async () => await file.tryLock(true) || null, 200)) return file;
    file.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    throw new EmbeddedPostgresFailed(
      `${dataDir} cannot be written by this user; set DATA_DIR to another folder`,
    );
  }
  throw new EmbeddedPostgresFailed(
    `${dataDir} is in use by another running instance; stop it, or set DATA_DIR to another folder`,
  );
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
  // Written beside its place first, so that a kill in the middle leaves no half of a secret.
  await Deno.writeTextFile(`${path}.new`, secret, { mode: 0o600 });
  await Deno.rename(`${path}.new`, path);
  return secret;
}

function readPid(clusterDir: string): number | null {
  try {
    return Number(readFileSync(`${clusterDir}/postmaster.pid`, "utf8").split("\n", 1)[0]) || null;
  } catch {
    return null;
  }
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Asks a server to end, at once but in good order, and waits until it has. Signals before it first awaits. */
async function stopServer(clusterDir: string, pid: number): Promise<void> {
  signal(pid, "SIGINT");
  const isGone = () => readPid(clusterDir) === null || !signal(pid, 0) || null;
  if (await poll(isGone, 20)) return;
  signal(pid, "SIGQUIT");
  await poll(isGone, 20);
}

/**
 * Stops a server that outlived the process that started it (kill -9). The lock proves that nobody else uses
 * the directory, so whatever still runs there is such an orphan.
 */
async function stopOrphan(clusterDir: string): Promise<void> {
  const pid = readPid(clusterDir);
  if (pid === null || !signal(pid, 0)) return;
  const command = await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(async () => {
    const { stdout } = await new Deno.Command("ps", { args: ["-p", String(pid), "-o", "args="] }).output();
    return new TextDecoder().decode(stdout);
  });
  // The number may have passed to an unrelated process since.
  if (command.includes(clusterDir)) await stopServer(clusterDir, pid);
  else await Deno.remove(`${clusterDir}/postmaster.pid`);
}

async function initialise(
  programs: PostgresPrograms,
  clusterDir: string,
  passwordFile: string,
): Promise<void> {
  // Made beside its place and moved there when complete, so that a kill in the middle leaves nothing half-made.
  const stagingDir = `${clusterDir}.new`;
  await Deno.remove(stagingDir, { recursive: true }).catch(() => {});
  await Deno.mkdir(stagingDir, { mode: 0o700 });
  await programs.giveAway(stagingDir);
  await programs.giveAway(passwordFile);
  const { ok, output } = await programs.run("initdb", [
    ...["-D", stagingDir, "-U", USER, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"],
    ...["--encoding=UTF8", "--locale=C.UTF-8", "--lc-messages=C"],
  ]);
  if (!ok) throw new EmbeddedPostgresFailed(`initdb failed: ${lastLine(output)}`);
  await Deno.rename(stagingDir, clusterDir);
}

const lastLine = (text: string) =>
  text.trim().split("\n").findLast((line) => /error|fatal|panic/i.test(line)) ?? text;

function findFreePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A server that is just dying still holds shared memory, and a free port can be taken: both pass with time. */
async function start(programs: PostgresPrograms, clusterDir: string, settings: string[]): Promise<number> {
  const logFile = `${clusterDir}/start.log`;
  const port = await poll(async () => {
    await Deno.remove(logFile).catch(() => {});
    const port = findFreePort();
    const flags = [`port=${port}`, "listen_addresses=127.0.0.1", "unix_socket_directories=", ...settings];
    const options = flags.map((flag) => `-c ${flag}`).join(" ");
    const { ok } = await programs.run("pg_ctl", [
      "start",
      "-w",
      "-D",
      clusterDir,
      "-l",
      logFile,
      "-o",
      options,
    ]);
    return ok ? port : null;
  }, 300);
  if (port !== null) return port;
  const log = await Deno.readTextFile(logFile).catch(() => "");
  throw new EmbeddedPostgresFailed(`PostgreSQL did not start on ${clusterDir}: ${lastLine(log)}`);
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
 * Starts PostgreSQL on a directory, creating it at the first start.
 *
 * @throws EmbeddedPostgresFailed when another process holds the directory, or PostgreSQL cannot run here
 */
export async function startEmbeddedPostgres(
  { dataDir, isThrowaway = false, binaries }: StartOptions,
): Promise<EmbeddedPostgres> {
  await using undo = new AsyncDisposableStack();
  undo.adopt(await lockDataDir(dataDir), (file) => file.close());
  const programs = await findPostgresPrograms(dataDir, binaries);
  const clusterDir = `${dataDir}/postgres`;
  const passwordFile = `${dataDir}/postgres_password`;
  const password = await readOrCreateSecret(passwordFile);
  await stopOrphan(clusterDir);
  const isMade = await Deno.stat(`${clusterDir}/PG_VERSION`).then(() => true, () => false);
  if (!isMade) await initialise(programs, clusterDir, passwordFile);
  const port = await start(
    programs,
    clusterDir,
    isThrowaway ? ["fsync=off", "full_page_writes=off", "max_connections=400"] : [],
  );
  const pid = readPid(clusterDir) ?? 0;
  undo.defer(() => stopServer(clusterDir, pid));
  const urlOf = (database: string) => `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;
  await createDatabase(urlOf("postgres"));
  const held = undo.move();
  return { databaseUrl: urlOf(DATABASE), stop: () => held.disposeAsync() };
}
