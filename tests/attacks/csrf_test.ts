import { assertEquals } from "@std/assert";
import { password } from "../kit/app.ts";
import {
  appOrigin,
  callInCookieMode,
  cookieMode,
  cookieName,
  mutations,
  readSetCookie,
  signInByCookie,
} from "./browser.ts";
import { attack, type Scene, type Send } from "./kit.ts";
import { sendRaw } from "./raw_http.ts";

const options = { allowedOrigins: [appOrigin] };
const login = { identifier: "victim", password };

/** Sends each mutation in cookie mode with the given headers instead of the page's own. */
function inCookieModeWith(scene: Scene, cookie: string, headers: [string, string][]): Record<string, Send> {
  const entries = Object.entries(mutations).map(([path, input]) =>
    [`${path} ${JSON.stringify(headers)}`, () =>
      sendRaw(scene.app.origin, {
        method: "POST",
        target: `/trpc/${path}`,
        headers: [
          ["X-Watchword-Mode", "cookie"],
          ["Content-Type", "application/json"],
          ["Cookie", `${cookieName}=${cookie}`],
          ...headers,
        ],
        body: JSON.stringify(input),
      })] as const
  );
  return Object.fromEntries(entries);
}

attack(
  "A-102: cookie mode is refused to every origin that is not on the list, whatever it resembles",
  async (scene) => {
    const { cookie } = await signInByCookie(scene.app, "victim");
    const origins = [
      ...[
        "null",
        "https://evil.test",
        "http://app.watchword.test",
        "https://watchword.test",
        "https://x.app.watchword.test",
      ],
      ...[
        "https://app.watchword.test.evil.test",
        "https://app.watchword.test@evil.test",
        "https://evilapp.watchword.test",
      ],
      ...[
        "https://app.watchword.test:8443",
        "https://app.watchword.test:443",
        "https://app.watchword.test/",
        "*",
        "",
      ],
      ...[
        "https://APP.watchword.test",
        "HTTPS://app.watchword.test",
        "app.watchword.test",
        "https://app.watchword.test.",
      ],
      ...[
        "https://app.watchword.test, https://evil.test",
        "https://evil.test https://app.watchword.test",
        "file://",
      ],
      ...[
        "http://localhost",
        "http://127.0.0.1:8000",
        "https://app%2ewatchword.test",
        "https://аpp.watchword.test",
      ],
    ];
    for (const origin of origins) {
      await scene.refuses(inCookieModeWith(scene, cookie, [["Origin", origin]]), { reason: "CSRF" });
      await scene.refuses(
        inCookieModeWith(scene, cookie, [["Origin", origin], ["Sec-Fetch-Site", "same-origin"]]),
        { reason: "CSRF" },
      );
    }
    assertEquals((await callInCookieMode(scene.app, "auth.refresh", { cookie })).status, 200);
  },
  options,
);

attack("A-102: cookie mode is refused when nothing tells where a request comes from", async (scene) => {
  const { cookie } = await signInByCookie(scene.app, "victim");
  for (
    const headers of [[], [["Referer", `${appOrigin}/`]], [["Host", "app.watchword.test"]]] as [
      string,
      string,
    ][][]
  ) {
    await scene.refuses(inCookieModeWith(scene, cookie, headers), { status: [400, 403], reason: "CSRF" });
  }
  await scene.refuses(
    inCookieModeWith(scene, cookie, [["Origin", appOrigin], ["Origin", "https://evil.test"]]),
    {
      reason: "CSRF",
    },
  );
}, options);

attack(
  "A-102: without a list of origins there is no cookie mode, not even for a loopback page",
  async (scene) => {
    const origins = [appOrigin, "http://localhost:5173", "http://127.0.0.1:3000", scene.app.origin];
    for (const origin of origins) {
      await scene.refuses(
        inCookieModeWith(scene, "A".repeat(92), [["Origin", origin], ["Sec-Fetch-Site", "same-origin"]]),
        {
          reason: "CSRF",
        },
      );
    }
  },
  { allowLoopbackOrigins: true },
);

attack(
  "A-103: a request that the browser calls cross-site or same-site is refused, even with an allowed origin",
  async (scene) => {
    const { cookie } = await signInByCookie(scene.app, "victim");
    for (
      const site of [
        "cross-site",
        "same-site",
        "none",
        "Same-Origin",
        "same-origin, cross-site",
        "",
        "unknown",
      ]
    ) {
      await scene.refuses(
        inCookieModeWith(scene, cookie, [["Origin", appOrigin], ["Sec-Fetch-Site", site]]),
        {
          reason: "CSRF",
        },
      );
      await scene.refuses(inCookieModeWith(scene, cookie, [["Sec-Fetch-Site", site]]), { reason: "CSRF" });
    }
    assertEquals((await callInCookieMode(scene.app, "auth.refresh", { cookie })).status, 200);
  },
  options,
);

attack(
  "A-103: every request in cookie mode is asked where it comes from, queries and batches too",
  async (scene) => {
    const { app, refuses, victim } = scene;
    const headers = { ...cookieMode, origin: "https://evil.test" };
    await refuses({
      "me": () => app.call("auth.me", { bearer: victim.tokens.accessToken, headers }),
      "a batch": () =>
        app.call("auth.me,auth.sessions.list?batch=1", { bearer: victim.tokens.accessToken, headers }),
      "an unknown procedure": () => app.call("auth.nothing", { headers }),
    }, { reason: ["CSRF", "NOT_FOUND"] });
  },
  options,
);

attack("A-104: nobody is signed in by a page of another origin", async (scene) => {
  const { app, refuses } = scene;
  const foreign = {
    "x-watchword-mode": "cookie",
    origin: "https://evil.test",
    "sec-fetch-site": "cross-site",
  };
  await refuses({
    "login": () => app.call("auth.login", { body: login, headers: foreign }),
    "register": () => app.call("auth.register", { body: { username: "forged", password }, headers: foreign }),
  }, { reason: "CSRF" });
  for (const path of ["auth.login", "auth.register"]) {
    const answer = await app.call(path, { body: mutations[path], headers: foreign });
    assertEquals(readSetCookie(answer), null);
    assertEquals(answer.headers.get("access-control-allow-origin"), null);
  }
}, options);

attack("A-104: a login without the header sets no cookie, wherever it comes from", async ({ app }) => {
  for (const origin of [appOrigin, "https://evil.test"]) {
    const answer = await app.call("auth.login", { body: login, headers: { origin } });
    assertEquals([answer.status, readSetCookie(answer)], [200, null]);
    assertEquals(answer.headers.get("access-control-allow-origin"), origin === appOrigin ? origin : null);
  }
}, options);
