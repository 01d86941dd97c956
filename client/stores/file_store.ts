/**
 * The session in files, shared by the processes of a command-line tool.
 *
 * @module
 */
import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { clearTimeout, setTimeout } from "node:timers";
import { createQueue } from "../create_queue.ts";
import { persistent } from "../persistent.ts";
import type { SessionStorage } from "../shared_session.ts";
import { escapeKey } from "./escape_key.ts";
import { fileLock } from "./file_lock.ts";
import { readPrivateFile, writePrivateFile } from "./private_file.ts";

const POLL_MS = 200;

interface Watcher {
  readonly path: string;
  readonly changed: () => void;
  /** What the file was at the last look; null when there was none, undefined before the first. */
  seen: string | null | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/**
 * Keeps the session in a folder, a file for each key, for command-line tools and daemons on Deno, Node and Bun.
 * Several processes may share it.
 *
 * Files are made with mode 0600, the folder with 0700, and a file is replaced as a whole or not at all. A file that
 * other users can read, a link, and a folder that others can change are refused: the call rejects, and names the
 * path.
 *
 * In Deno it needs `--allow-read` and `--allow-write` for the folder. With `--allow-sys=uid` it also checks whose
 * the files are, which matters to root only; with `--allow-run` it sees at once that the holder of a lock is dead.
 *
 * @param folder is made when it is absent, such as `~/.config/your-tool`
 */
export function fileStore(folder: string): SessionStorage {
  // One at a time: a slow write must not end after one that was asked for behind it.
  const enqueue = createQueue();
  const watchers = new Set<Watcher>();
  const pathOf = (key: string) => join(folder, `${escapeKey(key)}.token`);

  // What was done here is no news here.
  function note(path: string, stamp: string | null): void {
    for (const watcher of watchers) if (watcher.path === path) watcher.seen = stamp;
  }

  // Files are looked at, because not every drive tells what another process did to one.
  async function poll(watcher: Watcher): Promise<void> {
    await enqueue(() => look(watcher)).catch(() => {});
    if (watchers.has(watcher)) watcher.timer = setTimeout(() => poll(watcher), POLL_MS).unref();
  }

  async function look(watcher: Watcher): Promise<void> {
    const stamp = await readStamp(watcher.path);
    const isChange = watcher.seen !== undefined && watcher.seen !== stamp;
    watcher.seen = stamp;
    if (isChange && watchers.has(watcher)) watcher.changed();
  }

  return persistent({
    get: (key) => enqueue(() => readPrivateFile(pathOf(key))),
    set: (key, value) =>
      enqueue(async () => note(pathOf(key), toStamp(await writePrivateFile(pathOf(key), value)))),
    watch(key, changed) {
      const watcher: Watcher = { path: pathOf(key), seen: undefined, timer: undefined, changed };
      watchers.add(watcher);
      void poll(watcher);
      return () => {
        watchers.delete(watcher);
        clearTimeout(watcher.timer);
      };
    },
    lock: (key, waitMs, run) => fileLock(`${pathOf(key)}.lock`, waitMs, run),
  });
}

const toStamp = ({ ino, mtimeMs, size }: Stats) => [ino, mtimeMs, size].join();

async function readStamp(path: string): Promise<string | null> {
  try {
    return toStamp(await stat(path));
  } catch (error) {
    if (Object(error).code === "ENOENT") return null;
    throw error;
  }
}
