import { assert, assertEquals } from "@std/assert";
import { password } from "../kit/app.ts";
import { appOrigin, callInCookieMode, cookieName, readSetCookie, signInByCookie } from "./browser.ts";
import { atOnce, attack, newAttemptId, refreshWith } from "./kit.ts";
import { readSession } from "./state.ts";

const options = { allowedOrigins: [appOrigin] };

attack(
  "A-109: in cookie mode the refresh token is in no body, and only in a cookie that scripts cannot read",
  async (scene) => {
    const { app } = scene;
    const register = await callInCookieMode(app, "auth.register", { body: { username: "grace", password } });
    const login = await callInCookieMode(app, "auth.login", { body: { identifier: "grace", password } });
    const refresh = await callInCookieMode(app, "auth.refresh", {
      cookie: readSetCookie(login)?.value ?? "",
    });
    const stepUp = await callInCookieMode(app, "auth.stepUp", {
      bearer: refresh.data.accessToken,
      body: { password },
    });
    for (const answer of [register, login, refresh, stepUp]) {
      assertEquals(answer.status, 200, answer.text);
      const set = readSetCookie(answer);
      const attributes = set?.attributes.map((each) => each.toLowerCase()).sort() ?? [];
      assertEquals(attributes.filter((each) => !each.startsWith("max-age=")), [
        "httponly",
        "path=/",
        "samesite=lax",
        "secure",
      ]);
      assert(Number(attributes.find((each) => each.startsWith("max-age="))?.slice(8)) > 0);
      assertEquals(set?.value.length, 92);
      assert(!answer.text.includes(set?.value ?? "") && !/refreshToken"/.test(answer.text));
      assertEquals(answer.headers.get("cache-control"), "no-store");
      assert((answer.headers.getSetCookie()[0]?.length ?? 0) <= 4_096);
    }
  },
  options,
);

attack("A-109: no later answer shows the refresh token either", async ({ app }) => {
  const { accessToken: bearer, cookie } = await signInByCookie(app, "victim");
  const answers = [
    await callInCookieMode(app, "auth.me", { bearer, cookie, method: "GET" }),
    await callInCookieMode(app, "auth.sessions.list", { bearer, cookie, method: "GET" }),
    await callInCookieMode(app, "auth.sessions.revoke", {
      bearer,
      cookie,
      body: { sessionId: crypto.randomUUID() },
    }),
    await callInCookieMode(app, "auth.refresh", { cookie, body: { attemptId: "x" } }),
    await callInCookieMode(app, "auth.nothing", { cookie }),
    await callInCookieMode(app, "auth.refresh", { cookie, headers: { "trpc-accept": "application/jsonl" } }),
  ];
  for (const { text, headers } of answers) {
    assert(!text.includes(cookie), text);
    assertEquals(headers.getSetCookie(), []);
  }
}, options);

attack(
  "A-109: a refused refresh sets no cookie, and a cookie is not read without the header",
  async (scene) => {
    const { app, victim, refuses } = scene;
    const { accessToken, cookie } = await signInByCookie(app, "victim");
    const withCookie = { cookie: `${cookieName}=${cookie}`, origin: appOrigin };
    await refuses({
      "refresh": () => app.call("auth.refresh", { body: {}, headers: withCookie }),
    }, { reason: "REFRESH_INVALID" });
    await refuses({
      "logout": () => app.call("auth.logout", { body: {}, headers: withCookie }),
      "logout of all": () => app.call("auth.logout", { body: { scope: "all" }, headers: withCookie }),
    }, { reason: "TOKEN_MISSING" });
    await refuses({
      "a token in the body too": () =>
        callInCookieMode(app, "auth.refresh", { cookie, body: { refreshToken: victim.tokens.refreshToken } }),
      "a token in the body alone": () =>
        callInCookieMode(app, "auth.refresh", { body: { refreshToken: victim.tokens.refreshToken } }),
      "a token in the body of a logout": () =>
        callInCookieMode(app, "auth.logout", { bearer: accessToken, cookie, body: { refreshToken: cookie } }),
    }, { status: [400, 401], reason: ["INPUT_INVALID", "REFRESH_INVALID"] });
    const refused = await callInCookieMode(app, "auth.refresh", { cookie: "A".repeat(92) });
    assertEquals([refused.auth?.reason, refused.headers.getSetCookie()], ["REFRESH_INVALID", []]);
    for (const mode of ["Cookie", "bearer", "cookies", ""]) {
      const answer = await callInCookieMode(app, "auth.refresh", {
        cookie,
        headers: { "x-watchword-mode": mode },
      });
      assert(
        answer.status >= 400 && answer.headers.getSetCookie().length === 0,
        `mode ${mode}: ${answer.status}`,
      );
    }
    assertEquals((await refreshWith(app, victim.tokens.refreshToken)).status, 200);
  },
  options,
);

attack("A-109: a cookie that was rotated away signs out thief and owner, as a token does", async (scene) => {
  const { app, advance } = scene;
  const session = await signInByCookie(app, "victim");
  const thief = await callInCookieMode(app, "auth.refresh", { cookie: session.cookie });
  await advance(11);
  await scene.refuses({ "owner": () => callInCookieMode(app, "auth.refresh", { cookie: session.cookie }) }, {
    reason: "REFRESH_REUSED",
    state: "changed",
    audit: 1,
  });
  await scene.refuses(
    { "thief": () => callInCookieMode(app, "auth.refresh", { cookie: readSetCookie(thief)?.value ?? "" }) },
    { reason: "SESSION_REVOKED", audit: "any" },
  );
}, options);

attack("A-109: refreshes of one cookie at once set one cookie", async (scene) => {
  const { app, other } = scene;
  const session = await signInByCookie(app, "victim");
  const attemptId = newAttemptId();
  const answers = await atOnce(
    20,
    (i) =>
      callInCookieMode(i % 2 ? app : other, "auth.refresh", { cookie: session.cookie, body: { attemptId } }),
  );
  assertEquals(new Set(answers.map(({ status }) => status)), new Set([200]));
  assertEquals(new Set(answers.map((answer) => readSetCookie(answer)?.value)).size, 1);
  assertEquals((await readSession(app.database.sql, session.sessionId)).generation, 1);
}, options);

attack("A-109: a logout in cookie mode ends the cookie's session and clears the cookie", async (scene) => {
  const { app } = scene;
  const { cookie, sessionId } = await signInByCookie(app, "victim");
  for (let i = 0; i < 2; i++) {
    const answer = await callInCookieMode(app, "auth.logout", { cookie });
    assertEquals(answer.status, 200, answer.text);
    const cleared = readSetCookie(answer);
    assertEquals(cleared?.value, "");
    assert(cleared?.attributes.includes("Max-Age=0") && cleared.attributes.includes("Secure"));
  }
  assertEquals((await readSession(app.database.sql, sessionId)).revoke_reason, "logout");
  await scene.refuses({ "the cookie": () => callInCookieMode(app, "auth.refresh", { cookie }) }, {
    reason: "SESSION_REVOKED",
    audit: "any",
  });
}, options);

attack("A-109: the victim's cookie under another user's bearer ends no session", async (scene) => {
  const { app, refuses } = scene;
  const { cookie } = await signInByCookie(app, "victim");
  const mallory = await scene.registerUser("mallory");
  for (const scope of ["this", "others", "all"]) {
    await refuses({
      [scope]: () =>
        callInCookieMode(app, "auth.logout", { bearer: mallory.tokens.accessToken, cookie, body: { scope } }),
    }, { reason: "FORBIDDEN", audit: "any" });
  }
  assertEquals((await callInCookieMode(app, "auth.refresh", { cookie })).status, 200);
}, options);
