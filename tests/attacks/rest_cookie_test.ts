import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { password, type RawAnswer, registerUser, startTestApp, type TestApp } from "../kit/app.ts";
import { takeSnapshot } from "../kit/database_snapshot.ts";
import { readProblem, restOutcome } from "../flows/rest_calls.ts";
import { appOrigin, cookieMode, cookieName, readSetCookie } from "./browser.ts";

const options = { allowedOrigins: [appOrigin] };
const json = (answer: RawAnswer) => JSON.parse(answer.text);

interface Call {
  body?: unknown;
  cookie?: string;
  headers?: Record<string, string>;
}

function callInCookieMode(
  app: TestApp,
  path: string,
  { body, cookie, headers }: Call = {},
): Promise<RawAnswer> {
  return app.call(path, {
    method: "POST",
    ...(body === undefined ? {} : { body }),
    headers: {
      ...cookieMode,
      ...(cookie === undefined ? {} : { cookie: `${cookieName}=${cookie}` }),
      ...headers,
    },
  });
}

async function signIn(app: TestApp): Promise<{ cookie: string; accessToken: string }> {
  const { username } = await registerUser(app);
  const answer = await callInCookieMode(app, "/v1/login", { body: { identifier: username, password } });
  const cookie = readSetCookie(answer);
  assertEquals([answer.status, json(answer).tokens.refreshToken], [200, undefined]);
  assertEquals(cookie?.attributes.slice(1).toSorted(), ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
  return { cookie: cookie?.value ?? "", accessToken: json(answer).tokens.accessToken };
}

Deno.test("in cookie mode the refresh token travels in the cookie alone, over REST too", async () => {
  await using app = await startTestApp(options);
  const registered = await callInCookieMode(app, "/v1/register", { body: { username: "ada", password } });
  assertEquals([registered.status, json(registered).tokens.refreshToken], [201, undefined]);
  assert(readSetCookie(registered));
  const { cookie } = await signIn(app);
  const refreshed = await callInCookieMode(app, "/v1/token/refresh", { cookie });
  const next = readSetCookie(refreshed);
  assertEquals([refreshed.status, json(refreshed).refreshToken], [200, undefined]);
  assert(next !== null);
  assertNotEquals(next?.value, cookie);
  const loggedOut = await callInCookieMode(app, "/v1/logout", { cookie: next?.value ?? "" });
  assertEquals([loggedOut.status, readSetCookie(loggedOut)?.value], [200, ""]);
});

Deno.test("without the header the cookie is ignored, and in cookie mode a token in the body is refused", async () => {
  await using app = await startTestApp(options);
  const { cookie } = await signIn(app);
  const bare = await app.call("/v1/token/refresh", {
    method: "POST",
    headers: { cookie: `${cookieName}=${cookie}`, origin: appOrigin, "sec-fetch-site": "same-origin" },
  });
  assertEquals(restOutcome(bare), "401 REFRESH_INVALID");
  const both = await callInCookieMode(app, "/v1/token/refresh", { cookie, body: { refreshToken: cookie } });
  assertEquals(restOutcome(both), "400 INPUT_INVALID");
  assertEquals((await callInCookieMode(app, "/v1/token/refresh", { cookie })).status, 200);
});

const foreign: Record<string, Record<string, string>> = {
  "another origin": { origin: "https://evil.test" },
  "a sibling": { origin: "https://x.app.watchword.test" },
  "a sibling, as the browser says": { "sec-fetch-site": "same-site" },
  "another site, as the browser says": { "sec-fetch-site": "cross-site" },
  "a typed address": { "sec-fetch-site": "none" },
  "a sandboxed frame": { origin: "null" },
};

Deno.test("A-102: cookie mode is refused over REST to whoever is not on the list, and nothing changes", async () => {
  await using app = await startTestApp(options);
  const { cookie, accessToken } = await signIn(app);
  const before = await takeSnapshot(app.database);
  for (const [who, headers] of Object.entries(foreign)) {
    for (const path of ["/v1/token/refresh", "/v1/logout", "/v1/login", "/v1/register", "/v1/step-up"]) {
      const answer = await callInCookieMode(app, path, {
        body: { identifier: "ada", password },
        cookie,
        headers: { authorization: `Bearer ${accessToken}`, ...headers },
      });
      assertEquals([who, path, restOutcome(answer)], [who, path, "403 CSRF"]);
      assertEquals(answer.headers.getSetCookie(), []);
      assertEquals(readProblem(answer)?.title, "The request did not come from an allowed origin");
    }
  }
  const noneSaid = await app.call("/v1/logout", {
    method: "POST",
    headers: { "x-watchword-mode": "cookie", cookie: `${cookieName}=${cookie}` },
  });
  assertEquals(restOutcome(noneSaid), "403 CSRF");
  assertEquals(await takeSnapshot(app.database), before);
});

Deno.test("A-100: no form of another site can call a route: it cannot send JSON, DELETE or the header", async () => {
  await using app = await startTestApp(options);
  const { cookie } = await signIn(app);
  const before = await takeSnapshot(app.database);
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
    for (const path of ["/v1/login", "/v1/logout", "/v1/token/refresh", "/v1/register"]) {
      const answer = await app.call(path, {
        method: "POST",
        rawBody: '{"identifier":"ada","password":"x","y=":"z"}',
        headers: { "content-type": type, cookie: `${cookieName}=${cookie}`, origin: "https://evil.test" },
      });
      assertEquals([type, path, restOutcome(answer)], [type, path, "415 BODY_TYPE"]);
    }
  }
  assertEquals(await takeSnapshot(app.database), before);
});

Deno.test("a reused refresh cookie ends the session over REST too, for whoever holds a token of it", async () => {
  await using app = await startTestApp(options);
  const { cookie, accessToken } = await signIn(app);
  const next = readSetCookie(await callInCookieMode(app, "/v1/token/refresh", { cookie }))?.value ?? "";
  await app.advance(60);
  const reused = await callInCookieMode(app, "/v1/token/refresh", { cookie });
  assertEquals(restOutcome(reused), "401 REFRESH_REUSED");
  assertEquals(
    restOutcome(await callInCookieMode(app, "/v1/token/refresh", { cookie: next })),
    "401 SESSION_REVOKED",
  );
  assertEquals(restOutcome(await app.call("/v1/me", { bearer: accessToken })), "401 SESSION_REVOKED");
});
