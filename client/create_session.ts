import type { TRPCLink } from "@trpc/client";
import type { AnyTRPCRouter } from "@trpc/server";
import { BATCH_MAX_CALLS } from "@watchword/shared/limits";
import { createAuthApi } from "./auth_api.ts";
import { type AuthCalls, type CallOptions, createAuthCalls } from "./auth_calls.ts";
import { createAuthFetch } from "./auth_fetch.ts";
import { type AskStepUp, attachHeaders, createAuthLink } from "./auth_link.ts";
import type { CookieMode } from "./cookie_mode.ts";
import { limit } from "./limit.ts";
import type { ClientClock } from "./session.ts";
import { startSession } from "./session_machine.ts";
import type { AuthEvent, SessionState } from "./session_state.ts";
import type { SessionStorage } from "./shared_session.ts";

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
  /** The refresh token is in an HttpOnly cookie: spread `cookieMode()` into the settings. */
  cookies?: CookieMode;
  /** Where the session is kept, such as `webStore()`; without it, it lives as long as this client. */
  storage?: SessionStorage;
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
  http(): { headers: typeof attachHeaders; maxItems: number };
  /** Ends what is under way. No timer, listener or channel is left. */
  dispose(): void;
  [Symbol.dispose](): void;
}

const systemClock: ClientClock = { wall: () => Date.now(), monotonic: () => performance.now() };
const wakeEvents = ["online", "pageshow", "visibilitychange"];

/** Builds a session, for a tRPC client of your own: put `link()` first, and spread `http()` into what ends it. */
export function createSession(options: SessionOptions): Auth {
  const {
    url: givenUrl,
    apiUrl = givenUrl,
    mount = "auth",
    transformer,
    cookies,
    storage,
    storageKey = "watchword",
    fetch = presentFetch,
    refreshAheadSeconds = 30,
    timeoutMs = 10_000,
    lockWaitMs = 3_000,
    onStepUp,
    onEvent,
    clock = systemClock,
  } = options;
  const url = trimUrl(givenUrl);
  const lifeController = new AbortController();
  const life = lifeController.signal;
  const isCookieMode = cookies !== undefined;
  const api = createAuthApi({ url, mount, transformer, fetch, timeoutMs, isCookieMode, life });
  const session = startSession({
    api,
    storage,
    key: storageKey,
    lockWaitMs,
    cookies,
    refreshAheadMs: refreshAheadSeconds * 1_000,
    clock,
    life,
  });
  if (onEvent) session.on(onEvent);
  const { initialState } = session;
  const { revokeLater, ...calls } = createAuthCalls({ api, session, isCookieMode });

  function wake(): void {
    // A page that is being left becomes hidden, and has nothing to look after.
    const { document } = globalThis as { document?: { visibilityState?: string } };
    if (document?.visibilityState === "hidden") return;
    revokeLater();
    session.wake();
  }
  for (const type of wakeEvents) globalThis.addEventListener?.(type, wake);

  function dispose(): void {
    for (const type of wakeEvents) globalThis.removeEventListener?.(type, wake);
    lifeController.abort();
  }

  // One question for all calls of a user. Another user's calls ask anew.
  let asking: { epoch: number; answer: Promise<boolean> } | undefined;
  const askStepUp: AskStepUp = (need) => {
    const { epoch } = session;
    if (asking?.epoch === epoch) return asking.answer;
    const answer = (async () => await onStepUp?.(need) === "retry")().catch(() => false).finally(() => {
      if (asking === question) asking = undefined;
    });
    const question = asking = { epoch, answer };
    return answer;
  };

  return {
    get state() {
      return session.state;
    },
    initialState,
    ready: session.ready,
    subscribe: session.subscribe,
    on: session.on,
    ...calls,
    async getAccessToken({ force = false, minTtlSeconds = 0, signal } = {}) {
      const access = await limit(async () => {
        const present = session.peek();
        const isGood = present && !force && session.ttlMs() >= minTtlSeconds * 1_000;
        if (isGood || present === null) return present;
        return await session.acquire(present, force ? "manual" : "ahead").catch((error) => {
          // One that is good, if not for as long, is better than none.
          if (force || session.ttlMs() <= 0) throw error;
          return session.peek();
        });
      }, { signals: [signal] });
      return access?.accessToken ?? null;
    },
    fetch: createAuthFetch({ session, fetch, origin: new URL(apiUrl, globalThis.location?.href).origin }),
    link: () => createAuthLink(session, askStepUp),
    http: () => ({ headers: attachHeaders, maxItems: BATCH_MAX_CALLS }),
    dispose,
    [Symbol.dispose]: dispose,
  };
}

/** The runtime's own `fetch`, as it is when a request leaves: instrumentation may come after the client. */
export const presentFetch: typeof fetch = (input, init) => globalThis.fetch(input, init);

/** Takes a slash from the end of an address. */
export function trimUrl(url: string | URL): string {
  return String(url).replace(/\/$/, "");
}
