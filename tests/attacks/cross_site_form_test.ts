import { assertEquals } from "@std/assert";
import type { RawAnswer, TestApp } from "../kit/app.ts";
import { appOrigin, callInCookieMode, cookieName, mutations, signInByCookie } from "./browser.ts";
import { attack, refreshWith, type Send } from "./kit.ts";
import { sendRaw } from "./raw_http.ts";

const options = { allowedOrigins: [appOrigin] };

/** What a page of another origin can have a browser send: no header of its own, but maybe the cookie. */
function crossSiteForm(app: TestApp, path: string, { type, body, cookie }: {
  type?: string;
  body?: string;
  cookie: string;
}): Promise<RawAnswer> {
  const headers: [string, string][] = [
    ["Origin", "https://evil.test"],
    ["Sec-Fetch-Site", "cross-site"],
    ["Sec-Fetch-Mode", "navigate"],
    ["Cookie", `${cookieName}=${cookie}`],
  ];
  if (type !== undefined) headers.push(["Content-Type", type]);
  return sendRaw(app.origin, {
    method: "POST",
    target: `/trpc/${path}`,
    headers,
    ...(body === undefined ? {} : { body }),
  });
}

const multipart = (input: unknown) =>
  `--x\r\nContent-Disposition: form-data; name="json"\r\n\r\n${JSON.stringify(input)}\r\n--x--\r\n`;

attack("A-100: a cross-site form runs no mutation", async (scene) => {
  const { app, victim, refuses } = scene;
  const { cookie } = await signInByCookie(app, "victim");
  const types: Record<string, (input: unknown) => string> = {
    "multipart/form-data; boundary=x": multipart,
    "application/x-www-form-urlencoded": (input) => `input=${encodeURIComponent(JSON.stringify(input))}`,
    "text/plain": (input) => JSON.stringify(input),
    "text/plain;application/json": (input) => JSON.stringify(input),
    "application/octet-stream": (input) => JSON.stringify(input),
    "application/json-patch+json": (input) => JSON.stringify(input),
    "text/plain; charset=application/json": (input) => JSON.stringify(input),
  };
  const variants: Record<string, Send> = {};
  for (const [path, input] of Object.entries(mutations)) {
    for (const [type, write] of Object.entries(types)) {
      variants[`${path}, ${type}`] = () => crossSiteForm(app, path, { type, body: write(input), cookie });
    }
    variants[`${path}, no type`] = () => crossSiteForm(app, path, { body: JSON.stringify(input), cookie });
    variants[`${path}, an empty form`] = () =>
      crossSiteForm(app, path, { type: "multipart/form-data; boundary=x", body: "--x--\r\n", cookie });
  }
  await refuses(variants, { reason: ["BODY_TYPE", "CSRF"] });
  assertEquals((await refreshWith(app, victim.tokens.refreshToken)).status, 200);
}, options);

attack("A-100: a cross-site request without a body finds the cookie ignored", async (scene) => {
  const { app, refuses } = scene;
  const { cookie } = await signInByCookie(app, "victim");
  const variants: Record<string, Send> = {};
  for (const path of ["auth.refresh", "auth.logout"]) {
    variants[path] = () => crossSiteForm(app, path, { cookie });
    variants[`${path} of a batch`] = () => crossSiteForm(app, `${path}?batch=1`, { cookie });
    variants[`${path}, an empty multipart form`] = () =>
      crossSiteForm(app, path, { type: "multipart/form-data; boundary=x", cookie });
  }
  await refuses(variants, {
    reason: ["REFRESH_INVALID", "TOKEN_MISSING", "CSRF", "BODY_TYPE", "INPUT_INVALID"],
  });
  const refreshed = await callInCookieMode(app, "auth.refresh", { cookie });
  assertEquals(refreshed.status, 200);
}, options);
