/**
 * The session on a server that renders pages, for one request. It needs cookie mode: the refresh token's cookie is
 * all that a browser sends to such a server by itself.
 *
 * @module
 */
import type { TRPCClient } from "@trpc/client";
import type { AnyTRPCRouter } from "@trpc/server";
import { isTerminalReason, type Reason, reasons } from "@watchword/shared/reasons";
import { type AuthServerOptions, connectAuthServer } from "./page_auth_server.ts";
import { formatAccessCookie, type KeptAccess, provideAttempt, readPageCookies } from "./page_cookies.ts";
import { type Seed, toInitialState } from "./seed.ts";
import type { SessionState } from "./session_state.ts";
import { isTokens } from "./session_record.ts";

export type { Seed } from "./seed.ts";

/** Settings of {@link createServerAuth}. */
export interface ServerAuthOptions extends AuthServerOptions {
  /** What the browser sent. */
  request: Pick<Request, "method" | "headers">;
  /** Whether the answer's headers can still be set. Without that, nothing is ever refreshed. */
  canSetCookies: boolean;
  /** The wall clock, in milliseconds. */
  now?: () => number;
}

/** The session of one request. */
export interface ServerAuth<R extends AnyTRPCRouter> {
  /** Your procedures, as the user of this request. A call is never sent twice. */
  readonly trpc: TRPCClient<R>;
  /** It never changes; `booting` means that only the browser can find out. */
  readonly state: SessionState;
  readonly initialState: SessionState;
  subscribe(changed: () => void): () => void;
  /**
   * Sets what the page's answer must carry: the cookies of a refresh, and that no cache may hand the page to
   * somebody else. To be called before the headers leave.
   */
  applyCookies(headers: Headers): void;
  /** What the browser's client begins with: `cookieMode({ seed })`. Null when only the browser can find out. */
  dehydrate(): Seed | null;
}

/**
 * Finds out who sent a request. Each request has a client of its own, so nothing is shared between users.
 *
 * It refreshes only where cookies can be set, and only with an attempt id that the browser holds already: a page
 * whose answer is lost then costs nobody the session. A request that another site may have forged acts for nobody.
 *
 * @throws Error when the auth server does not allow `origin`
 * @example
 * ```ts ignore
 * const auth = await createServerAuth<AppRouter>({ url, origin, request, canSetCookies: true });
 * const html = renderPage(auth, auth.dehydrate());
 * const headers = new Headers({ "content-type": "text/html" });
 * auth.applyCookies(headers);
 * return new Response(html, { headers });
 * ```
 */
export async function createServerAuth<R extends AnyTRPCRouter>(
  options: ServerAuthOptions,
): Promise<ServerAuth<R>> {
  const { request, origin, canSetCookies, now = () => Date.now() } = options;
  const cookies = await readPageCookies(request.headers);
  const authServer = connectAuthServer(options);
  const newCookies: string[] = [];

  async function restore(token: string): Promise<Seed | null> {
    const found = cookies.access === null ? "TOKEN_MISSING" : await findSeed(cookies.access);
    if (typeof found !== "string") return found;
    if (isTerminalReason(found)) return nobody;
    if (!canSetCookies) return null;
    // An attempt id that the browser does not hold would be lost with the answer, and the session with it.
    if (cookies.attemptId !== null) return await refresh(token, cookies.attemptId);
    newCookies.push(provideAttempt());
    return null;
  }

  async function refresh(token: string, attemptId: string): Promise<Seed | null> {
    const { data, reason, refreshCookie } = await authServer.refresh(token, attemptId);
    // The cookie stays where it is: by now it may be that of another sign-in.
    if (reason !== null && isTerminalReason(reason)) return nobody;
    if (reason === "CSRF") throw new Error(`The auth server does not allow the origin ${origin}`);
    if (!isTokens(data) || refreshCookie === null) return null;
    const { accessToken, generation, expiresInSeconds } = data;
    const access = { accessToken, generation, expiresAtMs: now() + expiresInSeconds * 1_000 };
    const accessCookie = await formatAccessCookie(access, { refreshCookie, ttlSeconds: expiresInSeconds });
    newCookies.push(refreshCookie, accessCookie, provideAttempt());
    const found = await findSeed(access);
    return typeof found === "string" ? null : found;
  }

  /** Asks who somebody is. @returns the reason of a refusal that is about the token, null where nobody can tell */
  async function findSeed(access: KeptAccess): Promise<Seed | Reason | null> {
    const { data, reason } = await authServer.findMe(access.accessToken);
    if (typeof data?.user?.id !== "string") {
      return reason !== null && reasons[reason]?.status === 401 ? reason : null;
    }
    const { accessToken, generation, expiresAtMs } = access;
    const expiresInSeconds = Math.max(0, Math.floor((expiresAtMs - now()) / 1_000));
    return { user: data.user, sessionId: data.session.id, generation, accessToken, expiresInSeconds };
  }

  async function findOut(): Promise<Seed | null> {
    // Browsers keep the cookie back from what other sites send: without it nothing is known either.
    if (!isOwnRequest(request, origin)) return null;
    return cookies.refreshToken === null ? nobody : await restore(cookies.refreshToken);
  }

  const seed = await findOut();
  const state = toInitialState(seed);
  return {
    trpc: authServer.createClient<R>(seed?.user ? seed.accessToken : null),
    state,
    initialState: state,
    subscribe: () => () => {},
    applyCookies(headers) {
      for (const cookie of newCookies) headers.append("set-cookie", cookie);
      headers.append("vary", "cookie");
      if (cookies.refreshToken !== null) headers.set("cache-control", "private, no-store");
    },
    dehydrate: () => seed,
  };
}

const nobody: Seed = { user: null };

/**
 * Tells whether a request may act under the name of the cookie that it carries. The auth server would check that
 * of the browser's own calls; here it sees only this server. Following a link from elsewhere is no forgery.
 */
function isOwnRequest({ method, headers }: ServerAuthOptions["request"], ownOrigin: string): boolean {
  const origin = headers.get("origin");
  const site = headers.get("sec-fetch-site");
  if (origin !== null && origin !== ownOrigin) return false;
  if (method !== "GET" && method !== "HEAD") {
    return (site === null || site === "same-origin") && (origin !== null || site !== null);
  }
  return site === null || site === "same-origin" || site === "none" ||
    headers.get("sec-fetch-mode") === "navigate";
}
