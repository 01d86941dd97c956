import type { TRPCLink } from "@trpc/client";
import type { AnyTRPCRouter } from "@trpc/server";
import { BATCH_MAX_CALLS } from "@watchword/shared/limits";
import { formatAttemptCookie, readAttemptCookie } from "./attempt_cookie.ts";
import { createAuthApi, untilAborted } from "./auth_api.ts";
import { type AuthCalls, type CallOptions, createAuthCalls } from "./auth_calls.ts";
import { createAuthFetch } from "./auth_fetch.ts";
import { type AskStepUp, createAuthLink, createHeaders } from "./auth_link.ts";
import type { ClientClock } from "./session.ts";
import { createSessionStore } from "./session_store.ts";
import { startSession } from "./session_machine.ts";
import { type Seed, toInitialState } from "./seed.ts";
import type { AuthEvent, SessionState } from "./session_state.ts";
import { memoryStore } from "./stores/memory_store.ts";
import { webStore } from "./stores/web_store.ts";
import type { TokenStore } from "./token_store.ts";

/** Settings of a session. Only `url` is required. */
export interface SessionOptions {
  /** The tRPC endpoint of the auth router, such as `http://127.0.0.1:8000/trpc`. */
  url: string | URL;
  /** The API that `fetch` gives the token to, if it is another one. @default url */
  apiUrl?: string | URL;
  /** Where the auth router is mounted at that endpoint; "" for the root. @default "auth" */
  mount?: string;
  /** The transformer of the router that the auth router is mounted in, such as `superjson`. */
  transformer?: unknown;
  /**
   * How the refresh token travels: in bodies and the store, or in an HttpOnly cookie that no script can read.
   *
   * @default "bearer"
   */
  mode?: "bearer" | "cookie";
  /**
   * Where the session is kept. In a browser "web" survives a reload. In cookie mode nothing secret is kept.
   *
   * @default "memory", in cookie mode "web"
   */
  storage?: TokenStore | "memory" | "web";
  /** Two clients with different keys hold two accounts. @default "watchword" */
  storageKey?: string;
  fetch?: typeof fetch;
  /** How long before its expiry a token is renewed, if it is used; at most half its lifetime. @default 30 */
  refreshAheadSeconds?: number;
  /** @default 10000 */
  timeoutMs?: number;
  /** How long another tab's refresh is waited for. @default 3000 */
  lockWaitMs?: number;
  /**
   * Called once for any number of calls that were refused with `STEP_UP_REQUIRED`. Ask the user, call `stepUp`, and
   * say "retry": the calls are sent again.
   */
  onStepUp?: (need: { maxAgeSeconds: number }) => Promise<"retry" | "fail">;
  onEvent?: (event: AuthEvent) => void;
  /** What the server that rendered the page found out. */
  seed?: Seed | null;
  clock?: ClientClock;
}

/** One session: it stores the tokens and renews them, and the app never notices. */
export interface Auth extends AuthCalls {
  /** The present snapshot; the same object until something in it changes. */
  readonly state: SessionState;
  /** What it was built with, before the store was read: what a server has rendered too. */
  readonly initialState: SessionState;
  /** Settles when the store has been read. */
  readonly ready: Promise<void>;
  /** Calls back after each change of `state`. @returns what stops it */
  subscribe(changed: () => void): () => void;
  /** Calls back with what happens. @returns what stops it */
  on(listener: (event: AuthEvent) => void): () => void;
  /**
   * A token for calls that do not go through tRPC; null when signed out.
   *
   * @throws AuthClientError when one is needed and cannot be had
   */
  getAccessToken(
    options?: CallOptions & {
      /** Renews it first. */
      force?: boolean;
      /** Renews it first if it lives shorter. */
      minTtlSeconds?: number;
    },
  ): Promise<string | null>;
  /** `fetch` with the access token, for other calls to the same origin. */
  fetch: typeof fetch;
  /** The link to put before any terminating link of your own client. */
  link<R extends AnyTRPCRouter>(): TRPCLink<R>;
  /** To be spread into `httpLink`, `httpBatchLink` or `httpBatchStreamLink`. */
  http(): { headers: ReturnType<typeof createHeaders>; maxItems: number };
  /** Ends what is under way. No timer, listener or channel is left. */
  dispose(): void;
  [Symbol.dispose](): void;
}

const systemClock: ClientClock = { wall: () => Date.now(), monotonic: () => performance.now() };
const wakeEvents = ["online", "pageshow", "visibilitychange"];

// Server runtimes have a process-wide localStorage too: one user's session would reach all.
const isBrowser = () => "document" in globalThis;

const pageAttempts = {
  read: () => readAttemptCookie(Reflect.get(globalThis, "document").cookie),
  write: (attemptId: string) =>
    void (Reflect.get(globalThis, "document").cookie = formatAttemptCookie(attemptId)),
};

function chooseStore(storage: SessionOptions["storage"]): TokenStore {
  if (typeof storage === "object") return storage;
  return storage === "web" && isBrowser() ? webStore() : memoryStore();
}

/** Builds a session, for a tRPC client of your own: put `link()` first, and spread `http()` into what ends it. */
export function createSession(options: SessionOptions): Auth {
  const url = String(options.url).replace(/\/$/, "");
  const fetchNow: typeof fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const isCookieMode = options.mode === "cookie";
  const api = createAuthApi({
    url,
    isCookieMode,
    mount: options.mount ?? "auth",
    transformer: options.transformer,
    fetch: fetchNow,
    timeoutMs: options.timeoutMs ?? 10_000,
  });
  const session = startSession({
    api,
    isCookieMode,
    clock: options.clock ?? systemClock,
    store: createSessionStore({
      store: chooseStore(options.storage ?? (isCookieMode ? "web" : "memory")),
      key: options.storageKey ?? "watchword",
      lockWaitMs: options.lockWaitMs ?? 3_000,
      isCookieMode,
    }),
    seed: options.seed,
    attempts: isCookieMode && isBrowser() ? pageAttempts : undefined,
    refreshAheadMs: (options.refreshAheadSeconds ?? 30) * 1_000,
  });
  if (options.onEvent) session.on(options.onEvent);

  const { revokeLater, ...calls } = createAuthCalls({ api, session, isCookieMode });

  function wake(): void {
    // A page that is being left becomes hidden, and has nothing to look after.
    const { document } = globalThis as { document?: { visibilityState?: string } };
    if (document?.visibilityState === "hidden") return;
    revokeLater();
    session.wake();
  }
  for (const type of wakeEvents) globalThis.addEventListener?.(type, wake);

  // One question for all calls of a user. Another user's calls ask anew.
  let asking: { epoch: number; answer: Promise<boolean> } | null = null;
  const askStepUp: AskStepUp = (need) => {
    const { epoch } = session;
    if (asking?.epoch === epoch) return asking.answer;
    const question = { epoch, answer: (async () => await options.onStepUp?.(need) === "retry")() };
    asking = question;
    return question.answer.finally(() => {
      if (asking === question) asking = null;
    });
  };

  function dispose(): void {
    for (const type of wakeEvents) globalThis.removeEventListener?.(type, wake);
    session.dispose();
    api.dispose();
  }

  return {
    get state() {
      return session.state;
    },
    initialState: toInitialState(options.seed),
    ready: session.ready,
    subscribe: session.subscribe,
    on: session.on,
    ...calls,
    async getAccessToken({ force = false, minTtlSeconds = 0, signal } = {}) {
      if (signal?.aborted) throw signal.reason;
      const present = session.peek();
      const isGood = present === null || (present && !force && session.ttlMs() >= minTtlSeconds * 1_000);
      if (isGood) return present?.accessToken ?? null;
      const renewed = session.acquire(present ?? undefined, force ? "manual" : "ahead");
      // One that is good, if not for as long, is better than none.
      const best = renewed.catch((error) => {
        if (force || session.ttlMs() <= 0) throw error;
        return session.peek({ refreshAhead: false }) ?? null;
      });
      return (await untilAborted(best, signal))?.accessToken ?? null;
    },
    fetch: createAuthFetch({
      session,
      fetch: fetchNow,
      origin: new URL(options.apiUrl ?? url, globalThis.location?.href).origin,
    }),
    link: () => createAuthLink(session, askStepUp),
    http: () => ({ headers: createHeaders(session), maxItems: BATCH_MAX_CALLS }),
    dispose,
    [Symbol.dispose]: dispose,
  };
}
