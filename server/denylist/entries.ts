import type { DatedDenylistRow } from "../store/denylist.ts";

/** What of an access token the denylist is asked about. Never the token itself or its hash. */
export interface DenylistQuestion {
  sessionId: string;
  userId: string;
  epoch: number;
}

/** Entries of the denylist in memory, about 100 bytes each. They leave only by expiry: what was denied stays denied. */
export interface Entries {
  /** Adds rows. @returns those that said something new */
  add(rows: readonly DatedDenylistRow[]): DatedDenylistRow[];
  isDenied(question: DenylistQuestion): boolean;
  dropExpired(nowSeconds: number): void;
  /** Reads them lazily; what is added meanwhile may be left out. */
  rows(): Iterable<DatedDenylistRow>;
  readonly size: number;
}

/** Builds an empty set of entries, which denies nothing. */
export function createEntries(): Entries {
  const sessions = new Map<string, number>();
  const minEpochs = new Map<string, { minEpoch: number; expiresAtSeconds: number }>();

  function addSession(sessionId: string, expiresAtSeconds: number): boolean {
    if (expiresAtSeconds <= (sessions.get(sessionId) ?? 0)) return false;
    sessions.set(sessionId, expiresAtSeconds);
    return true;
  }

  function addUser(userId: string, { minEpoch, expiresAtSeconds }: DatedDenylistRow): boolean {
    const known = minEpochs.get(userId) ?? { minEpoch: 0, expiresAtSeconds: 0 };
    const wanted = minEpoch ?? Infinity;
    if (wanted <= known.minEpoch && expiresAtSeconds <= known.expiresAtSeconds) return false;
    minEpochs.set(userId, {
      minEpoch: Math.max(known.minEpoch, wanted),
      expiresAtSeconds: Math.max(known.expiresAtSeconds, expiresAtSeconds),
    });
    return true;
  }

  return {
    add: (rows) =>
      rows.filter((row) => {
        const { sessionId, userId, expiresAtSeconds } = row;
        const isNewSession = sessionId !== null && addSession(sessionId, expiresAtSeconds);
        const isNewUser = userId !== null && addUser(userId, row);
        return isNewSession || isNewUser;
      }),
    isDenied: ({ sessionId, userId, epoch }) =>
      sessions.has(sessionId) || epoch < (minEpochs.get(userId)?.minEpoch ?? 0),
    dropExpired(nowSeconds) {
      for (const [id, expiresAtSeconds] of sessions) if (expiresAtSeconds <= nowSeconds) sessions.delete(id);
      for (const [id, entry] of minEpochs) if (entry.expiresAtSeconds <= nowSeconds) minEpochs.delete(id);
    },
    *rows() {
      for (const [sessionId, expiresAtSeconds] of sessions) {
        yield { sessionId, userId: null, minEpoch: null, expiresAtSeconds };
      }
      for (const [userId, { minEpoch, expiresAtSeconds }] of minEpochs) {
        yield {
          sessionId: null,
          userId,
          minEpoch: minEpoch === Infinity ? null : minEpoch,
          expiresAtSeconds,
        };
      }
    },
    get size() {
      return sessions.size + minEpochs.size;
    },
  };
}
