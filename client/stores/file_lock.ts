import { link, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { TokenStore } from "../token_store.ts";
import { escapeKey } from "./escape_key.ts";
import { isPermitted } from "./is_permitted.ts";
import { preparePrivateFolder, STALE_MS } from "./private_file.ts";

const POLL_MS = 20;

/**
 * The `lock` of processes that share a folder; the key is the path of a lock file. A holder that died, or that has
 * held it for 15 seconds, is passed over. Where no lock file can be made, `run` runs without it.
 */
export const fileLock: NonNullable<TokenStore["lock"]> = async (path, waitMs, run) => {
  const release = await acquire(path, waitMs).catch(() => null);
  try {
    return await run(release !== null);
  } finally {
    await release?.();
  }
};

/**
 * The lock is a hard link of a ticket that says whose it is: it appears with its whole text, and for one process
 * only. Ages are told by the clock of the drive, which may be another machine's.
 */
async function acquire(path: string, waitMs: number): Promise<(() => Promise<unknown>) | null> {
  await preparePrivateFolder(dirname(path));
  const id = crypto.randomUUID();
  const ticket = `${path}.${id}.tmp`;
  const mine = `${process.pid} ${id}`;
  let isOver = false;
  const timer = setTimeout(() => isOver = true, waitMs);
  try {
    while (true) {
      // Written anew each time, so that a lock is as old as its holder's turn.
      await writeFile(ticket, mine, { mode: 0o600 });
      if (await tryLink(ticket, path)) return () => removeLock(path, mine);
      if (await removeStale(path, ticket)) continue;
      if (isOver) return null;
      await sleep(POLL_MS);
    }
  } finally {
    clearTimeout(timer);
    await rm(ticket, { force: true });
  }
}

async function tryLink(ticket: string, path: string): Promise<boolean> {
  try {
    await link(ticket, path);
    return true;
  } catch (error) {
    if (Object(error).code === "EEXIST") return false;
    throw error;
  }
}

/** @returns whether it is worth trying again at once */
async function removeStale(path: string, ticket: string): Promise<boolean> {
  try {
    const holder = await readFile(path, "utf8");
    const ageMs = (await stat(ticket)).mtimeMs - (await stat(path)).mtimeMs;
    // A lock from the future was made before the clock was set back.
    const isStale = Math.abs(ageMs) > STALE_MS || isDead(Number.parseInt(holder));
    return isStale && await removeLock(path, holder);
  } catch {
    return false;
  }
}

/**
 * Removes the lock if it is the holder's. Whoever does, the holder too, first takes a claim on this very lock: between
 * the look and the removal it can then not have become the next holder's.
 */
async function removeLock(path: string, holder: string): Promise<boolean> {
  const claim = `${path}.${escapeKey(holder)}.tmp`;
  try {
    await writeFile(claim, "", { flag: "wx", mode: 0o600 });
  } catch {
    return false;
  }
  try {
    if (await readFile(path, "utf8") === holder) await rm(path);
    return true;
  } catch {
    return false;
  } finally {
    await rm(claim, { force: true });
  }
}

// In Deno only with `--allow-run`; a process of another machine or container looks dead, which costs a wait saved.
function isDead(pid: number): boolean {
  if (!isPermitted({ name: "run" })) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return Object(error).code === "ESRCH";
  }
}
