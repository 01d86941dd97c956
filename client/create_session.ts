import type { TRPCLink } from "@trpc/client";
import type { AnyTRPCRouter } from "@trpc/server";
import type {
  LoginInput,
  LogoutScope,
  MfaRequired,
  Ok,
  ReasonOf,
  RegisterInput,
  SignedIn,
  StepUpInput,
  Tokens,
  User,
  VerificationSent,
} from "@watchword/shared/contract";
import { BATCH_MAX_CALLS } from "@watchword/shared/limits";
import { type AuthErrorData, isTerminalReason, type Reason } from "@watchword/shared/reasons";
import { formatAttemptCookie, readAttemptCookie } from "./attempt_cookie.ts";
import { createAuthApi, untilAborted } from "./auth_api.ts";
import { authClientError } from "./auth_client_error.ts";
import { createAuthFetch } from "./auth_fetch.ts";
import { type AskStepUp, createAuthLink, createHeaders } from "./auth_link.ts";
import { type ClientClock, startSession } from "./session.ts";
import { type Seed, toInitialState } from "./seed.ts";
import type { AuthEvent, SessionState } from "./session_state.ts";
import { memoryStore } from "./stores/memory_store.ts";
import { webStore } from "./stores/web_store.ts";
import { isTokens, type TokenStore } from "./token_store.ts";

/** Settings of a session. Only `url` is required. */
export interface SessionOptions {
  /** The tRPC endpoint of the auth router, such as `http://127.0.0.1:8000/trpc`. */
  url: string | URL;
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

// The service did not say, or nobody could: these are thrown, the rest is for a form to show.
type ThrownReason = "UNAVAILABLE" | "OVERLOADED" | "INTERNAL";
const thrownReasons: readonly string[] = ["UNAVAILABLE", "OVERLOADED", "INTERNAL"] satisfies ThrownReason[];

/** A call that the server refused, for a reason that a form can show. */
export interface Rejected<R extends Reason = Reason> {
  status: "rejected";
  reason: Exclude<R, ThrownReason>;
  retryAfterSeconds?: number;
}
/** What a sign-in led to. */
export type LoginResult = { status: "signed_in"; user: User } | MfaRequired | Rejected<ReasonOf<"login">>;
/** What a registration led to. */
export type RegisterResult =
  | { status: "signed_in"; user: User }
  | VerificationSent
  | Rejected<ReasonOf<"register">>;
/** What a step-up led to. */
export type StepUpResult = { status: "stepped_up" } | Rejected<ReasonOf<"stepUp">>;

/** Beside the input of a call. */
export interface CallOptions {
  signal?: AbortSignal;
}

/** One session: it stores the tokens and renews them, and the app never notices. */
export interface Auth {
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
  /** @throws AuthClientError when the server cannot be reached or cannot tell */
  register(input: RegisterInput, options?: CallOptions): Promise<RegisterResult>;
  /** @throws AuthClientError when the server cannot be reached or cannot tell */
  login(input: LoginInput, options?: CallOptions): Promise<LoginResult>;
  /** Proves again who the user is. @throws AuthClientError `signed_out`, or when the server cannot tell */
  stepUp(input: StepUpInput, options?: CallOptions): Promise<StepUpResult>;
  /**
   * Ends this session, the user's others, or all. "this" and "all" sign out here at once, whatever the server says;
   * "this" is made up for later where the server cannot be reached.
   *
   * @throws AuthClientError when the server could not be told of "others" or "all"
   */
  logout(options?: CallOptions & { scope?: LogoutScope }): Promise<void>;
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
const REVOCATIONS_MAX = 5;
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
    store: chooseStore(options.storage ?? (isCookieMode ? "web" : "memory")),
    seed: options.seed,
    attempts: isCookieMode && isBrowser() ? pageAttempts : undefined,
    storeKey: options.storageKey ?? "watchword",
    refreshAheadMs: (options.refreshAheadSeconds ?? 30) * 1_000,
    lockWaitMs: options.lockWaitMs ?? 3_000,
  });
  if (options.onEvent) session.on(options.onEvent);

  // Access tokens of sessions that the server has yet to be told of: all that they can still do is end them.
  let revocations: string[] = [];
  async function revokeLater(): Promise<void> {
    const due = revocations;
    revocations = [];
    for (const accessToken of due) {
      await api.call("logout", {}, { accessToken }).catch(() => keepRevocation(accessToken));
    }
  }
  function keepRevocation(accessToken: string): void {
    revocations = [...revocations, accessToken].slice(-REVOCATIONS_MAX);
  }

  function wake(event: Event): void {
    // A page that is being left becomes hidden, and has nothing to look after.
    const { document } = globalThis as { document?: { visibilityState?: string } };
    if (document?.visibilityState === "hidden") return;
    if (event.type === "online") void revokeLater();
    session.wake();
  }
  for (const type of wakeEvents) globalThis.addEventListener?.(type, wake);

  async function signIn<Out extends { status: string }>(
    procedure: string,
    input: unknown,
    { signal }: CallOptions,
  ) {
    const sent = session.takeStamp();
    const answer = await api.call<Out | SignedIn>(procedure, input, { signal });
    if (!answer.ok) return toRejected(answer.auth);
    if (!("tokens" in answer.data)) return answer.data;
    const { user, tokens } = answer.data;
    if (!isTokens(tokens) || typeof user?.id !== "string") throw authClientError("unreachable");
    await session.signIn(user, tokens, sent);
    return { status: "signed_in", user };
  }

  async function requireAccess() {
    const access = session.peek() ?? await session.acquire();
    if (access === null) throw authClientError("signed_out");
    return access;
  }

  async function stepUp(input: StepUpInput, { signal }: CallOptions = {}): Promise<StepUpResult> {
    const { accessToken, sessionId } = await requireAccess();
    const { epoch } = session;
    const answer = await session.replace(async () => {
      const sent = session.takeStamp();
      const answer = await api.call<Tokens>("stepUp", input, { accessToken, signal });
      const { state } = session;
      if (!answer.ok || !isTokens(answer.data)) return answer;
      if (epoch !== session.epoch || state.status !== "authenticated") {
        throw authClientError("session_changed");
      }
      await session.signIn(state.user, answer.data, sent);
      return null;
    });
    if (answer === null) return { status: "stepped_up" };
    if (!answer.ok) {
      if (isTerminalReason(answer.auth.reason)) await session.endBy(answer.auth.reason, sessionId);
      return toRejected(answer.auth) as Rejected<ReasonOf<"stepUp">>;
    }
    throw authClientError("unreachable");
  }

  async function logout(
    { scope = "this", signal }: CallOptions & { scope?: LogoutScope } = {},
  ): Promise<void> {
    await session.ready;
    if (scope === "others") {
      const { accessToken, sessionId } = await requireAccess();
      const answer = await api.call<Ok>("logout", { scope }, { accessToken, signal });
      if (answer.ok) return;
      if (isTerminalReason(answer.auth.reason)) await session.endBy(answer.auth.reason, sessionId);
      throw authClientError(session.state.status === "anonymous" ? "signed_out" : "unreachable", {
        cause: answer.auth.reason,
      });
    }
    const isLive = session.ttlMs() > 0;
    const ended = await session.signOut("user");
    if (ended === null) return;
    const { accessToken, refreshToken } = ended;
    try {
      // A genuine token ends its own session even when it is over; for more than that, one of them must live.
      const answer = await api.call<Ok>(
        "logout",
        isCookieMode ? { scope } : { scope, refreshToken },
        { signal, accessToken: isLive || scope === "this" ? accessToken : undefined },
      );
      // Any other refusal says that the session was over already, which is what was asked for.
      if (!answer.ok) toRejected(answer.auth);
    } catch (error) {
      if (scope !== "this" || accessToken === "") throw error;
      keepRevocation(accessToken);
    }
  }

  let asking: Promise<boolean> | null = null;
  const askStepUp: AskStepUp = (need) =>
    asking ??= (async () => await options.onStepUp?.(need) === "retry")().finally(() => asking = null);

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
    register: (input, call = {}) =>
      signIn<VerificationSent>("register", input, call) as Promise<RegisterResult>,
    login: (input, call = {}) => signIn<MfaRequired>("login", input, call) as Promise<LoginResult>,
    stepUp,
    logout,
    async getAccessToken({ force = false, minTtlSeconds = 0, signal } = {}) {
      if (signal?.aborted) throw signal.reason;
      const present = session.peek();
      const isGood = present === null || (present && !force && session.ttlMs() >= minTtlSeconds * 1_000);
      const access = isGood
        ? present
        : await untilAborted(session.acquire(present ?? undefined, force ? "manual" : "ahead"), signal);
      return access?.accessToken ?? null;
    },
    fetch: createAuthFetch({
      session,
      fetch: fetchNow,
      origin: new URL(url, globalThis.location?.href).origin,
    }),
    link: () => createAuthLink(session, askStepUp),
    http: () => ({ headers: createHeaders(session), maxItems: BATCH_MAX_CALLS }),
    dispose,
    [Symbol.dispose]: dispose,
  };
}

/** A result for what a form can show, an exception for the rest. */
function toRejected({ reason, retryAfterSeconds }: AuthErrorData): Rejected {
  if (thrownReasons.includes(reason)) {
    throw authClientError("unreachable", { cause: reason, retryAfterSeconds });
  }
  return {
    status: "rejected",
    reason: reason as Exclude<Reason, ThrownReason>,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
}
