/**
 * Cookie mode: the refresh token is in an HttpOnly cookie that no script can read. What a browser should use.
 *
 * @module
 */
import { formatAttemptCookie, readAttemptCookie } from "./attempt_cookie.ts";
import { type Seed, toInitialState } from "./seed.ts";
import type { ClientClock } from "./session.ts";
import type { LiveRecord } from "./session_record.ts";
import type { SessionState } from "./session_state.ts";
import type { SessionStorage } from "./shared_session.ts";
import { webStore } from "./stores/web_store.ts";

export type { Seed } from "./seed.ts";
export type { LiveRecord, SessionRecord } from "./session_record.ts";

/** The id of the next refresh attempt, where a server that renders the page shares it. */
export interface AttemptJar {
  read(): string | null;
  write(attemptId: string): void;
}

/** What a session does differently when its refresh token is in a cookie. */
export interface CookieMode {
  attempts?: AttemptJar;
  initialState: SessionState;
  /** What the server that rendered the page found out, if somebody is signed in. */
  createSeedRecord?: (clock: ClientClock) => LiveRecord;
}

/** Settings to be spread into those of a client. */
export interface CookieModeOptions {
  cookies: CookieMode;
  storage: SessionStorage;
}

/**
 * Settings of a client whose refresh token travels in a cookie. The user is kept in `localStorage` over a reload, and
 * no token is.
 *
 * @param options.seed what the server that rendered the page found out
 * @example
 * ```ts ignore
 * const auth = createAuthClient<AppRouter>({ url: "/trpc", ...cookieMode() });
 * ```
 */
export function cookieMode({ seed }: { seed?: Seed | null | undefined } = {}): CookieModeOptions {
  const { document } = globalThis as { document?: { cookie: string } };
  return {
    storage: webStore(),
    cookies: {
      initialState: toInitialState(seed),
      ...(document && {
        attempts: {
          read: () => readAttemptCookie(document.cookie),
          write: (attemptId) => void (document.cookie = formatAttemptCookie(attemptId)),
        },
      }),
      ...(seed?.user && {
        createSeedRecord: (clock) => ({
          ...seed,
          refreshToken: "",
          issuedAt: clock.wall(),
          // When the page was asked for: a sign-in in another tab that came later is newer than what the page says.
          startedAt: clock.wall() - clock.monotonic(),
        }),
      }),
    },
  };
}
