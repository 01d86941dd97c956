import { constants, type Stats } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { isPermitted } from "./is_permitted.ts";

/** How old a temporary or lock file is when its process counts as dead. */
export const STALE_MS = 15_000;

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Makes a folder that is this user's alone. @throws Error when there is one that somebody else may change */
export async function preparePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await requirePrivateFolder(folder);
}

/**
 * Reads a file that only this user can read; null when there is none.
 *
 * Like ssh with a private key, it refuses what others may have read or put there, and mends nothing: a token that
 * could be read is to be given up, not hidden.
 */
export async function readPrivateFile(path: string): Promise<string | null> {
  try {
    await requirePrivateFolder(dirname(path));
    // Neither a link nor a pipe that never answers.
    const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw new Error(`${path} is not a file`);
      requireOwner(path, stats);
      if (isOpenTo(0o077, stats)) {
        throw new Error(`${path} is open to other users: remove it and sign in again`);
      }
      return await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch (error) {
    if (Object(error).code === "ENOENT") return null;
    throw error;
  }
}

/**
 * Replaces a file as a whole, for this user alone: whoever reads it, and whatever breaks off, finds the old text or
 * the new one.
 *
 * @returns what the new file is
 */
export async function writePrivateFile(path: string, text: string): Promise<Stats> {
  await preparePrivateFolder(dirname(path));
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    const stats = await stat(temporary);
    await rename(temporary, path);
    await syncFolder(dirname(path)).catch(() => {});
    await sweep(path, stats.mtimeMs).catch(() => {});
    return stats;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function requirePrivateFolder(folder: string): Promise<void> {
  const stats = await stat(folder);
  requireOwner(folder, stats);
  if (isOpenTo(0o022, stats)) throw new Error(`${folder} can be changed by other users: chmod go-w it`);
}

// In Deno only with `--allow-sys=uid`. Without it the modes still tell all but root: nobody else can open such files.
function requireOwner(path: string, { uid }: Stats): void {
  const own = isPermitted({ name: "sys", kind: "uid" }) ? process.getuid?.() : undefined;
  if (own !== undefined && uid !== own && uid !== 0) throw new Error(`${path} belongs to another user`);
}

// Windows has no such modes: there the access list of the user's profile protects the file.
function isOpenTo(others: number, { mode }: Stats): boolean {
  return process.platform !== "win32" && (mode & others) !== 0;
}

/** Makes the new name last through a power cut, where folders can be synced. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, O_RDONLY);
  await folder.sync().finally(() => folder.close());
}

/** Removes what killed processes left beside a file: it holds tokens. */
async function sweep(path: string, nowMs: number): Promise<void> {
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(`${basename(path)}.`) || !name.endsWith(".tmp")) continue;
    const temporary = join(dirname(path), name);
    if (nowMs - (await stat(temporary)).mtimeMs > STALE_MS) await rm(temporary, { force: true });
  }
}
