import { assertEquals } from "@std/assert";
import type { RawAnswer } from "../kit/app.ts";
import { appOrigin, callInCookieMode, cookieMode, cookieName, signInByCookie } from "./browser.ts";
import { attack, type Send } from "./kit.ts";
import { sendRaw } from "./raw_http.ts";

const options = { allowedOrigins: [appOrigin] };

/** Refreshes in cookie mode with a `Cookie` header as it stands. */
function refreshWithCookies(origin: string, ...cookies: string[]): Promise<RawAnswer> {
  const mode = Object.entries(cookieMode);
  return sendRaw(origin, {
    method: "POST",
    target: "/trpc/auth.refresh",
    headers: [...mode, ...cookies.map((cookie) => ["Cookie", cookie] as [string, string])],
    body: "",
  });
}

attack("A-107: no other cookie is taken for ours, and of two with our name none is", async (scene) => {
  const { app, refuses, victim } = scene;
  const { cookie } = await signInByCookie(app, "victim");
  const stranger = await signInByCookie(app, (await scene.registerUser("mallory")).username);
  const ours = `${cookieName}=${cookie}`;
  const headers: Record<string, string[]> = {
    "none": [],
    "an empty header": [""],
    "an empty value": [`${cookieName}=`],
    "no value": [cookieName],
    "the name in lower case": [ours.toLowerCase().replace(/=.*/, `=${cookie}`)],
    "the name without its prefix": [`watchword_refresh=${cookie}`],
    "a __Secure- prefix": [`__Secure-watchword_refresh=${cookie}`],
    "a space inside the name": [`${cookieName} =${cookie}`],
    "an escaped name": [`__Host-watchword%5frefresh=${cookie}`],
    "the pair as a value": [`x=${cookieName}=${cookie}`],
    "the pair in quotes": [`x="; ${cookieName}=${cookie}"`],
    "the value in quotes": [`${cookieName}="${cookie}"`],
    "the value escaped": [
      `${cookieName}=${encodeURIComponent(cookie).replace(/^./, (c) => `%${c.charCodeAt(0).toString(16)}`)}`,
    ],
    "two of them": [`${ours}; ${cookieName}=${stranger.cookie}`],
    "two of them, the other one first": [`${cookieName}=${stranger.cookie}; ${ours}`],
    "two headers": [ours, `${cookieName}=${stranger.cookie}`],
    "a list by comma": [`${ours},${cookieName}=${stranger.cookie}`],
    "an access token": [`${cookieName}=${victim.tokens.accessToken}`],
  };
  await refuses(
    Object.fromEntries(
      Object.entries(headers).map(([name, values]) =>
        [name, () => refreshWithCookies(app.origin, ...values)] as const
      ),
    ),
    { reason: "REFRESH_INVALID" },
  );
  assertEquals((await refreshWithCookies(app.origin, `a=b; ${ours}; c=d`)).status, 200, "ours among others");
}, options);

attack(
  "A-107: a no-break space is part of a cookie's name, so no sibling host can plant ours",
  async (scene) => {
    const { app, refuses } = scene;
    const { cookie } = await signInByCookie(app, "victim");
    await refuses({
      "before the name": () => refreshWithCookies(app.origin, `\u00a0${cookieName}=${cookie}`),
      "before the name, after another": () =>
        refreshWithCookies(app.origin, `a=b; \u00a0${cookieName}=${cookie}`),
      "after the value": () => refreshWithCookies(app.origin, `${cookieName}=${cookie}\u00a0`),
    }, { reason: "REFRESH_INVALID" });
  },
  options,
);

attack("A-108: a cookie of odd size or odd bytes is refused, never with a 5xx", async ({ app, refuses }) => {
  const { cookie } = await signInByCookie(app, "victim");
  const odd = [
    "\r\n",
    "\n",
    "\0",
    "\u00e9",
    "\u00ff",
    "\ud83d\ude00",
    "%0d%0a",
    "\t",
    "\\",
    "{}",
    "\u2028",
  ];
  const variants: Record<string, Send> = {};
  for (const text of odd) {
    variants[`${JSON.stringify(text)} in it`] = () =>
      refreshWithCookies(app.origin, `${cookieName}=${cookie}${text}x`);
    variants[`${JSON.stringify(text)} alone`] = () => refreshWithCookies(app.origin, `${cookieName}=${text}`);
  }
  for (const bytes of [4_096, 4_097, 8_192, 65_536, 1_000_000]) {
    variants[`${bytes} bytes`] = () => refreshWithCookies(app.origin, `${cookieName}=${"A".repeat(bytes)}`);
    variants[`${bytes} bytes beside it`] = () =>
      refreshWithCookies(app.origin, `${"x=y; ".repeat(bytes / 5)}z=1`);
  }
  await refuses(variants, { status: [400, 401, 431], reason: "REFRESH_INVALID" });
  assertEquals((await callInCookieMode(app, "auth.refresh", { cookie })).status, 200);
}, options);
