import type { ClientClock } from "./session.ts";
import type { SessionRecord } from "./session_record.ts";
import type { AuthEvent, SignOutReason } from "./session_state.ts";
import type { TokenStore } from "./token_store.ts";

/** The session of one client, as its storage sees it. */
export interface SessionHost {
  readonly record: SessionRecord | null;
  /** Takes a record as the present one. */
  become(next: SessionRecord, why: "restored" | SignOutReason): void;
  emit(event: AuthEvent): void;
  key: string;
  clock: ClientClock;
  lockWaitMs: number;
  /** The refresh token is in a cookie: nothing secret is stored. */
  isCookieMode: boolean;
  /** Aborted when the client is disposed. */
  life: AbortSignal;
}

/** A session that several clients share: tabs, workers, processes. */
export interface SharedSession {
  /** Lets the newest of all that they hold win, here and in the store. Never rejects. */
  settle(via?: "restored"): Promise<void>;
  /** Runs alone among them, or tells that it could not. */
  lock<T>(run: (isAlone: boolean) => Promise<T>, waitMs?: number): Promise<T>;
}

/** A store of sessions, and how clients share one. */
export interface SessionStorage extends TokenStore {
  share(host: SessionHost): SharedSession;
}

/** The session of a client that is alone. */
export const unshared: SharedSession = {
  settle: async () => {},
  lock: (run) => run(true),
};
