import { createTRPCClient, httpBatchLink, type TRPCClient, type TRPCLink } from "@trpc/client";
import type { AnyTRPCRouter } from "@trpc/server";
import type {
  AuthErrorData,
  LoginOutput,
  LogoutScope,
  Ok,
  Reason,
  RegisterOutput,
  User,
} from "@watchword/shared";
import { BATCH_MAX_CALLS } from "@watchword/shared/limits";
import { isTerminalReason, reasons } from "@watchword/shared/reasons";
import { type Answer, createAuthApi } from "./auth_api.ts";
import { authClientError } from "./auth_client_error.ts";
import { createAuthLink, createHeaders } from "./auth_link.ts";
import { type ClientClock, createSession, type SessionState } from "./session.ts";
import { memoryStore } from "./stores/memory_store.ts";
import { webStore } from "./stores/web_store.ts";
import { isTokens, type TokenStore } from "./token_store.ts";

/** Settings of {@link createAuthClient}. */
export interface AuthClientOptions {
  /** The tRPC endpoint, such as `http://127.0.0.1:8000/trpc`. */
  url: string | URL;
  /** Where the auth router is mounted in the app's router; "" for the root. @default "auth" */
  mount?: string;
  /** Where the session is kept. In a browser "web" survives a reload. @default "memory" */
  storage?: TokenStore | "memory" | "web";
  /** Two clients with different keys hold two accounts. @default "watchword" */
  storageKey?: string;
  fetch?: typeof fetch;
  /** How long before its expiry a token is renewed; at most half its lifetime. @default 30 */
  refreshAheadSeconds?: number;
  /** @default 10000 */
  timeoutMs?: number;
  clock?: ClientClock;
}

/** Reasons that a form can show. Anything else is thrown. */
export type RejectionReason = {
  [R in Reason]: (typeof reasons)[R]["advice"] extends "wait" | "report"
    ? R extends "RATE_LIMITED" ? R : never
    : R;
}[Reason];
/** A sign-in or registration that the server refused. */
export interface Rejected {
  status: "rejected";
  reason: RejectionReason;
  retryAfterSeconds?: number;
}
/** What a sign-in led to. */
export type LoginResult =
  | { status: "signed_in"; user: User }
  | Extract<LoginOutput, { status: "mfa_required" }>
  | Rejected;
/** What a registration led to. */
export type RegisterResult = { status: "signed_in"; user: User } | { status: "verification_sent" } | Rejected;

interface CallOptions {
  signal?: AbortSignal;
}

/** A client of one session: it stores the tokens and renews them, and the app never notices. */
export interface AuthClient<R extends AnyTRPCRouter> {
  /** Your procedures, typed. */
  readonly trpc: TRPCClient<R>;
  /** The present snapshot; the same object until something in it changes. */
  readonly state: SessionState;
  /** Settles when the store has been read. */
  readonly ready: Promise<void>;
  /** Calls back after each change of `state`. @returns what stops it */
  subscribe(changed: () => void): () => void;
  /** @throws AuthClientError when the server cannot be reached or cannot tell */
  register(
    input: { email?: string; username?: string; password: string },
    options?: CallOptions,
  ): Promise<RegisterResult>;
  /** @throws AuthClientError when the server cannot be reached or cannot tell */
  login(input: { identifier: string; password: string }, options?: CallOptions): Promise<LoginResult>;
  /**
   * Ends this session, the user's others, or all. "this" and "all" sign out here at once, whatever the server says.
   *
   * @throws AuthClientError when the server could not be told
   */
  logout(options?: CallOptions & { scope?: LogoutScope }): Promise<void>;
  /** A token for calls that do not go through `trpc`; null when signed out. */
  getAccessToken(): Promise<string | null>;
  /** Our link, to be put before any terminating link of your own client. */
  link(): TRPCLink<R>;
  /** To be spread into `httpLink`, `httpBatchLink` or `httpBatchStreamLink`. */
  http(): { headers: ReturnType<typeof createHeaders>; maxItems: number };
  dispose(): void;
  [Symbol.dispose](): void;
}

const systemClock: ClientClock = { wall: () => Date.now(), monotonic: () => performance.now() };

// Server runtimes have a process-wide localStorage too: one user's session would reach all.
const isBrowser = () => "document" in globalThis;

function chooseStore(storage: AuthClientOptions["storage"]): TokenStore {
  if (typeof storage === "object") return storage;
  if (storage !== "web" || !isBrowser()) return memoryStore();
  try {
    return webStore();
  } catch {
    // The page may not use storage at all.
    return memoryStore();
  }
}

/**
 * Builds a client over an app's router.
 *
 * @example
 * ```ts ignore
 * const auth = createAuthClient<AppRouter>({ url: "http://127.0.0.1:8000/trpc" });
 * await auth.login({ identifier: "ada", password });
 * await auth.trpc.auth.me.query();
 * ```
 */
export function createAuthClient<R extends AnyTRPCRouter>(options: AuthClientOptions): AuthClient<R> {
  const url = String(options.url).replace(/\/$/, "");
  const fetchNow: typeof fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const clock = options.clock ?? systemClock;
  const api = createAuthApi({
    url,
    mount: options.mount ?? "auth",
    fetch: fetchNow,
    timeoutMs: options.timeoutMs ?? 10_000,
  });
  const session = createSession({
    api,
    clock,
    store: chooseStore(options.storage),
    storeKey: options.storageKey ?? "watchword",
    refreshAheadMs: (options.refreshAheadSeconds ?? 30) * 1_000,
  });
  const link = () => createAuthLink<R>(session);
  const http = () => ({ headers: createHeaders(session), maxItems: BATCH_MAX_CALLS });
  // The options depend on the router's transformer, which is unknown for a generic router.
  const batchLink = httpBatchLink as (options: object) => TRPCLink<R>;
  const trpc = createTRPCClient<R>({ links: [link(), batchLink({ url, fetch: fetchNow, ...http() })] });

  async function signIn<Output extends RegisterOutput | LoginOutput>(
    procedure: "register" | "login",
    input: unknown,
    { signal }: CallOptions,
  ): Promise<Exclude<Output, { status: "signed_in" }> | { status: "signed_in"; user: User } | Rejected> {
    const issuedAtMs = clock.wall();
    const answer: Answer<Output> = await api.call<Output>(procedure, input, { signal });
    if (!answer.ok) return reject(answer.auth);
    const { data } = answer;
    if (data.status !== "signed_in") return data as Exclude<Output, { status: "signed_in" }>;
    if (!isTokens(data.tokens) || typeof data.user?.id !== "string") throw authClientError("unreachable");
    await session.signIn(data.user, data.tokens, issuedAtMs);
    return { status: "signed_in", user: data.user };
  }

  async function logout(
    { scope = "this", signal }: CallOptions & { scope?: LogoutScope } = {},
  ): Promise<void> {
    await session.ready;
    // No refresh on the way out: its answer would be for nobody.
    const access = session.peek({ refreshAhead: scope === "others" });
    if (scope === "others") {
      const usable = access ?? await session.acquire();
      if (usable === null) throw authClientError("signed_out");
      const answer = await api.call<Ok>("logout", { scope }, { accessToken: usable.accessToken, signal });
      if (answer.ok) return;
      if (isTerminalReason(answer.auth.reason)) await session.endBy(answer.auth.reason, usable.sessionId);
      throw authClientError(session.state.status === "anonymous" ? "signed_out" : "unreachable", {
        cause: answer.auth.reason,
      });
    }
    const ended = await session.signOut("user");
    if (ended === null) return;
    const answer = await api.call<Ok>("logout", { scope, refreshToken: ended.refreshToken }, {
      accessToken: access?.accessToken,
      signal,
    });
    // Any other refusal says that the session was over already, which is what was asked for.
    if (!answer.ok && reasons[answer.auth.reason].advice === "wait") reject(answer.auth);
  }

  function dispose(): void {
    session.dispose();
  }

  return {
    trpc,
    get state() {
      return session.state;
    },
    ready: session.ready,
    subscribe: session.subscribe,
    register: (input, call = {}) => signIn<RegisterOutput>("register", input, call),
    login: (input, call = {}) => signIn<LoginOutput>("login", input, call),
    logout,
    getAccessToken: async () => (session.peek() ?? await session.acquire())?.accessToken ?? null,
    link,
    http,
    dispose,
    [Symbol.dispose]: dispose,
  };
}

function isRejection(reason: Reason): reason is RejectionReason {
  const { advice } = reasons[reason];
  return reason === "RATE_LIMITED" || (advice !== "wait" && advice !== "report");
}

/** A result for what a form can show, an exception for the rest. */
function reject({ reason, retryAfterSeconds }: AuthErrorData): Rejected {
  if (!isRejection(reason)) throw authClientError("unreachable", { cause: reason, retryAfterSeconds });
  return { status: "rejected", reason, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
}
