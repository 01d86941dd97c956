import { formatAttemptCookie, readAttemptCookie, readCookie } from "./attempt_cookie.ts";
import { makeAttemptId } from "./attempt_id.ts";

/** An access token that is kept for the next pages of the same browser. */
export interface KeptAccess {
  accessToken: string;
  generation: number;
  /** By this server's clock, in milliseconds. */
  expiresAtMs: number;
}

/** What a browser sent to the server that renders its page. */
export interface PageCookies {
  refreshToken: string | null;
  attemptId: string | null;
  access: KeptAccess | null;
}

const REFRESH_NAME = "__Host-watchword_refresh";
const ACCESS_NAME = "__Host-watchword_access";
const refreshPattern = /^[A-Za-z0-9_-]{1,4096}$/;
const accessPattern = /^(\d{1,15})\.(\d{1,10})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_.-]{1,3500})$/;

/** Reads the cookies of a request. An access token counts only beside the refresh token that it came with. */
export async function readPageCookies(headers: Headers): Promise<PageCookies> {
  const cookies = headers.get("cookie") ?? "";
  const value = readCookie(cookies, REFRESH_NAME);
  const refreshToken = value !== null && refreshPattern.test(value) ? value : null;
  const found = accessPattern.exec(readCookie(cookies, ACCESS_NAME) ?? "") ?? [];
  const [, expiresAtMs, generation, bound, accessToken] = found;
  const isBound = refreshToken !== null && bound !== undefined && bound === await digest(refreshToken);
  return {
    refreshToken,
    attemptId: readAttemptCookie(cookies),
    access: isBound && accessToken !== undefined
      ? { accessToken, generation: Number(generation), expiresAtMs: Number(expiresAtMs) }
      : null,
  };
}

/** Gives the browser an attempt id for its next refresh: it is stored before it is sent. */
export const provideAttempt = (): string => formatAttemptCookie(makeAttemptId());

/** The `Cookie` header with which the auth server is asked. */
export const formatRefreshCookie = (refreshToken: string): string => `${REFRESH_NAME}=${refreshToken}`;

/** The auth server's own `Set-Cookie`, and none of anybody else's. */
export function findRefreshCookie(headers: Headers): string | null {
  return headers.getSetCookie().find((cookie) => cookie.startsWith(`${REFRESH_NAME}=`)) ?? null;
}

/** Keeps an access token beside the refresh token that a `Set-Cookie` carries. No script can read it. */
export async function formatAccessCookie(
  { accessToken, generation, expiresAtMs }: KeptAccess,
  { refreshCookie, ttlSeconds }: { refreshCookie: string; ttlSeconds: number },
): Promise<string> {
  const refreshToken = readCookie(refreshCookie, REFRESH_NAME) ?? "";
  const value = `${expiresAtMs}.${generation}.${await digest(refreshToken)}.${accessToken}`;
  return `${ACCESS_NAME}=${value}; Path=/; Max-Age=${ttlSeconds}; HttpOnly; Secure; SameSite=Lax`;
}

async function digest(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").slice(0, 43);
}
