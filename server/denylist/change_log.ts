import type { DatedDenylistRow } from "../store/denylist.ts";

/** What was added to a copy of the denylist lately, in order, so that others can be told what they lack. */
export interface ChangeLog {
  /** Rises by one with every row. */
  readonly version: number;
  append(rows: readonly DatedDenylistRow[]): void;
  /** At most `max` rows that came after a version; null when that is too long ago to tell. */
  since(version: number, max: number): readonly DatedDenylistRow[] | null;
  /** Calls back after every addition. @returns what stops it */
  onAppend(listener: () => void): () => void;
}

const KEPT_MAX = 10_000;

/** Builds an empty log. It keeps the last 10,000 rows, or up to twice as many. */
export function createChangeLog(): ChangeLog {
  const listeners = new Set<() => void>();
  let rows: DatedDenylistRow[] = [];
  let version = 0;

  return {
    get version() {
      return version;
    },
    append(added) {
      if (added.length === 0) return;
      version += added.length;
      // Without a gap: who is behind what was left out must start over, and not miss it.
      if (added.length > KEPT_MAX) rows = [];
      for (const row of added.slice(-KEPT_MAX)) rows.push(row);
      if (rows.length > 2 * KEPT_MAX) rows = rows.slice(-KEPT_MAX);
      for (const listener of [...listeners]) listener();
    },
    since(from, max) {
      const behind = version - from;
      if (behind < 0 || behind > rows.length) return null;
      const at = rows.length - behind;
      return rows.slice(at, at + max);
    },
    onAppend(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
