import type { Tokens, User } from "@watchword/shared/contract";
import type { Reason } from "@watchword/shared/reasons";
import type { Access } from "./access.ts";
import type { AuthClientError } from "./auth_client_error.ts";
import type { LiveRecord } from "./session_record.ts";
import type { AuthEvent, RefreshCause, SessionState } from "./session_state.ts";

/** Wall-clock and monotonic milliseconds. */
export interface ClientClock {
  wall(): number;
  monotonic(): number;
}

/** When a request was sent, by both clocks. */
export interface Sent {
  wallMs: number;
  monotonicMs: number;
}

/** The state machine and the one refresh in flight. */
export interface Session {
  readonly state: SessionState;
  /** What it was built with. */
  readonly initialState: SessionState;
  readonly ready: Promise<void>;
  /** Rises with every change of identity. A call belongs to the epoch that it was made in. */
  readonly epoch: number;
  subscribe(changed: () => void): () => void;
  on(listener: (event: AuthEvent) => void): () => void;
  /** Calls back when calls that were made until now may not go on. @returns what stops it */
  onEpochEnd(listener: () => void): () => void;
  /** Why they may not. */
  epochError(): AuthClientError;
  /** The access to use now without waiting: null without a session, undefined when there is something to wait for. */
  peek(): Access | null | undefined;
  /** How long the present token lives, in milliseconds. */
  ttlMs(): number;
  /** Waits for a usable access, other than the given one. @throws AuthClientError */
  acquire(other?: Access, cause?: RefreshCause): Promise<Access | null>;
  /** Takes the tokens of a sign-in, or of a step-up of the same user. */
  signIn(user: User, tokens: Tokens, sent: Sent): Promise<void>;
  /** Ends the session here, by the wish of its user. @returns what it was, for the server to be told */
  signOut(): Promise<LiveRecord | null>;
  /** The server refused a session. Believed of a verdict alone, and of the session that is still the present one. */
  endBy(reason: Reason | undefined, sessionId: string): Promise<void>;
  /** Runs what puts another session in the place of this one, alone among the tabs. */
  replace<T>(run: () => Promise<T>): Promise<T>;
  /** The network or the user is back: what was put off is tried now, and the store is read again. */
  wake(): void;
  takeStamp(): Sent;
}
