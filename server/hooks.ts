import { TRPCError } from "@trpc/server";
import type { LogoutScope, User } from "@watchword/shared";
import { markAppError } from "./auth_error.ts";
import { AppTooSlow, finishWithin } from "./finish_within.ts";
import { describeBug, type Log } from "./observe/log.ts";
import type { RequestFacts } from "./request.ts";
import { type AppSchema, type AppTransaction, lendTransaction } from "./store/app_transaction.ts";
import type { Db } from "./store/connect.ts";

/** What a hook is told of the request: no token, no cookie, no password. */
export type HookRequest = Pick<RequestFacts, "requestId" | "ip" | "userAgent">;

/** A hook inside a transaction: it may write, and refuse. */
export type BeforeHook<Event, Schema extends AppSchema> = (
  event: Event & { request: HookRequest; tx: AppTransaction<Schema> },
) => Promise<void> | void;

/** A hook after a commit: it is told. */
export type AfterHook<Event> = (event: Event & { request: HookRequest }) => Promise<void> | void;

/**
 * An app's own code at defined points. None is ever given a password, a token or a hash, and what it changes in its event
 * changes nothing else. What a token says besides is made by `claims`.
 *
 * `before…` runs inside the transaction, just before its commit, with `tx` to read and write the app's own tables in
 * the same commit. What it throws refuses the call and rolls everything back: an `AuthError` with its reason, a
 * `TRPCError` as it stands, anything else as `INTERNAL`, with the stack in the log. It has one second, then the answer
 * is `UNAVAILABLE` and all is rolled back; `tx` is dead afterwards. The audit trail keeps that it was refused, and why.
 * `tx` takes one statement at a time, and none that begins or ends a transaction. A user's row may be locked meanwhile,
 * and such calls have half of the database's connections between them, so nothing that waits for a network belongs here.
 *
 * `after…` and `on…` run once the commit has happened. They are not waited for, so they delay no answer and change
 * none; what they throw is logged. `close()` waits for those under way, for at most five seconds. A process that dies
 * in between never runs them: what must not be lost is written by `before…`.
 */
export interface Hooks<Schema extends AppSchema = Record<string, never>> {
  /** A user's row has been written, and nobody else sees it yet. */
  beforeRegister?: BeforeHook<{ user: User }, Schema>;
  afterRegister?: AfterHook<{ user: User }>;
  /** Somebody has proved who they are, and gets a session. Not for registration and not for step-up. */
  beforeLogin?: BeforeHook<{ user: User; amr: readonly string[] }, Schema>;
  afterLogin?: AfterHook<{ user: User; sessionId: string; amr: readonly string[] }>;
  /** `auth.logout` has ended something. */
  afterLogout?: AfterHook<{ userId: string; sessionId: string; scope: LogoutScope }>;
  /** A used refresh token came back, and its session was ended: theft, as far as anybody can tell. */
  onReuse?: AfterHook<{ userId: string; sessionId: string }>;
}

type BeforeName = "beforeRegister" | "beforeLogin";
type AfterName = Exclude<keyof Hooks, BeforeName>;
type EventOf<Name extends keyof Hooks> = Omit<Parameters<Required<Hooks>[Name]>[0], "request" | "tx">;

/** Runs an app's hooks. */
export interface HookRunner {
  /** Tells whether there is such a hook. */
  has(name: keyof Hooks): boolean;
  /** Runs one inside a transaction. @throws what refuses the call | UNAVAILABLE after a second */
  before<Name extends BeforeName>(
    name: Name,
    event: EventOf<Name> & { tx: Db; request: RequestFacts },
  ): Promise<void>;
  /** Starts one after a commit. Never throws. */
  after<Name extends AfterName>(name: Name, event: EventOf<Name> & { request: RequestFacts }): void;
  /** Resolves when none is under way, after five seconds at the latest. */
  settle(): Promise<void>;
}

// Hooks get copies: what they change in an event becomes no role, and no part of an answer.
const BEFORE_MAX_MS = 1_000;
const SETTLE_MAX_MS = 5_000;

interface HookDeps<Schema extends AppSchema> {
  hooks: Hooks<Schema> | undefined;
  schema: Schema | undefined;
  log: Log;
}

/** Builds the runner. */
export function createHookRunner<Schema extends AppSchema>(
  { hooks = {}, schema, log }: HookDeps<Schema>,
): HookRunner {
  const underWay = new Set<Promise<void>>();

  return {
    has: (name) => hooks[name] !== undefined,
    async before(name, { tx, request, ...event }) {
      const hook = hooks[name] as ((event: unknown) => Promise<void> | void) | undefined;
      if (hook === undefined) return;
      try {
        await lendTransaction(
          { tx, schema },
          (handle) =>
            finishWithin(
              BEFORE_MAX_MS,
              async () => await hook({ ...structuredClone(event), tx: handle, request: describe(request) }),
            ),
        );
      } catch (error) {
        if (error instanceof AppTooSlow) {
          log.warn("hook too slow", { hook: name, requestId: request.requestId });
        }
        if (error instanceof TRPCError) markAppError(error);
        throw error;
      }
    },
    after(name, { request, ...event }) {
      const hook = hooks[name] as ((event: unknown) => Promise<void> | void) | undefined;
      if (hook === undefined) return;
      const copy = structuredClone(event);
      const running = (async () => await hook({ ...copy, request: describe(request) }))()
        .catch((error) =>
          log.error("hook failed", { hook: name, requestId: request.requestId, ...describeBug(error) })
        )
        .finally(() => underWay.delete(running));
      underWay.add(running);
    },
    settle: () => finishWithin(SETTLE_MAX_MS, async () => void await Promise.all(underWay)).catch(() => {}),
  };
}

function describe({ requestId, ip, userAgent }: RequestFacts): HookRequest {
  return { requestId, ip, userAgent };
}
