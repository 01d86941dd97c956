import { password, type RawAnswer, type TestApp } from "../kit/app.ts";

/** The one browser origin that services under test allow. */
export const appOrigin = "https://app.watchword.test";
export const cookieName = "__Host-watchword_refresh";

/** Headers of a request that chose cookie mode on a page of the allowed origin. */
export const cookieMode = {
  "x-watchword-mode": "cookie",
  origin: appOrigin,
  "sec-fetch-site": "same-origin",
};

/** Every mutation that a forged request would be worth, with an input that would do. */
export const mutations: Record<string, unknown> = {
  "auth.refresh": {},
  "auth.logout": {},
  "auth.login": { identifier: "victim", password },
  "auth.register": { username: "forged", password },
  "auth.stepUp": { password },
  "auth.sessions.revoke": { sessionId: crypto.randomUUID() },
};

interface BrowserCall {
  body?: unknown;
  bearer?: string;
  /** The refresh token in the cookie. */
  cookie?: string;
  method?: string;
  headers?: Record<string, string>;
}

/** Calls in cookie mode, as the app's own page does. */
export function callInCookieMode(app: TestApp, path: string, call: BrowserCall = {}): Promise<RawAnswer> {
  const { cookie, headers, ...rest } = call;
  return app.call(path, {
    method: "POST",
    ...rest,
    headers: {
      ...cookieMode,
      ...(cookie === undefined ? {} : { cookie: `${cookieName}=${cookie}` }),
      ...headers,
    },
  });
}

/** Reads the refresh token that an answer sets; null without one. */
export function readSetCookie({ headers }: RawAnswer): { value: string; attributes: string[] } | null {
  const [cookie, ...more] = headers.getSetCookie();
  if (cookie === undefined) return null;
  if (more.length > 0) throw new Error(`${more.length + 1} cookies`);
  const [pair = "", ...attributes] = cookie.split(";").map((part) => part.trim());
  if (!pair.startsWith(`${cookieName}=`)) throw new Error(`another cookie: ${pair.split("=", 1)}`);
  return { value: pair.slice(cookieName.length + 1), attributes };
}

/** A session in cookie mode. */
export interface CookieSession {
  accessToken: string;
  sessionId: string;
  cookie: string;
}

/** Signs in in cookie mode. */
export async function signInByCookie(app: TestApp, identifier: string): Promise<CookieSession> {
  const answer = await callInCookieMode(app, "auth.login", { body: { identifier, password } });
  const cookie = readSetCookie(answer);
  if (answer.status !== 200 || cookie === null) throw new Error(`${answer.status} ${answer.text}`);
  const { accessToken, sessionId } = answer.data.tokens;
  return { accessToken, sessionId, cookie: cookie.value };
}
