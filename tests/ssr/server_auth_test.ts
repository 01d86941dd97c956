import { assert, assertEquals } from "@std/assert";
import {
  accessName,
  attemptName,
  type Browser,
  pageOrigin,
  refreshName,
  type Shown,
  startPages,
  takeCookies,
} from "./start_pages.ts";

function requireSignedIn({ state, seed }: Shown) {
  if (state.status !== "authenticated" || !seed?.user) throw new Error(`the page is ${state.status}`);
  return { state, seed };
}

const refreshes = (calls: string[]) => calls.filter((path) => path === "auth.refresh").length;

Deno.test("C-77: 100 pages for 100 users at once show each their own, and share nothing", async () => {
  await using pages = await startPages();
  const browsers: Browser[] = [];
  // Passwords are hashed a few at a time.
  for (let from = 0; from < 100; from += 4) {
    browsers.push(...await Promise.all([0, 1, 2, 3].map((i) => pages.openBrowser(`user-${from + i}`))));
  }
  for (let round = 0; round < 2; round++) {
    const answers = await Promise.all(browsers.map((browser) => browser.open()));
    for (const [i, { shown }] of answers.entries()) {
      const { userId } = browsers[i] ?? { userId: "" };
      const { state, seed } = requireSignedIn(shown);
      assertEquals([state.user.id, seed.user.id, shown.read], [userId, userId, userId]);
    }
    const sessions = answers.map(({ shown }) => requireSignedIn(shown).seed.sessionId);
    assertEquals(new Set(sessions).size, 100);
  }
  assertEquals(new Set(browsers.map(({ jar }) => jar.get(refreshName))).size, 100);
  assertEquals(new Set(browsers.map(({ jar }) => jar.get(accessName))).size, 100);
});

Deno.test("C-78: where cookies cannot be set nothing is refreshed, and the browser is left to find out", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  pages.settings.canSetCookies = false;
  const { shown, headers } = await browser.open();
  assertEquals(shown, { state: { status: "booting" }, seed: null, read: "TOKEN_MISSING" });
  assertEquals([refreshes(pages.calls), await pages.rotations(), headers.getSetCookie()], [0, 0, []]);
  pages.settings.canSetCookies = true;
  assertEquals((await browser.open()).shown.read, browser.userId);
});

Deno.test("where cookies cannot be set, the access token of an earlier page serves until it ends", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  await browser.open();
  pages.settings.canSetCookies = false;
  const { shown, headers } = await browser.open();
  assertEquals([shown.state.status, shown.read], ["authenticated", browser.userId]);
  await pages.app.advance(3_600);
  assertEquals((await browser.open()).shown.state, { status: "booting" });
  assertEquals([await pages.rotations(), headers.getSetCookie()], [1, []]);
});

Deno.test("pages within the life of an access token rotate once", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  for (let i = 0; i < 5; i++) assertEquals((await browser.open()).shown.read, browser.userId);
  assertEquals(await pages.rotations(), 1);
  await pages.app.advance(3_600);
  assertEquals((await browser.open()).shown.read, browser.userId);
  assertEquals(await pages.rotations(), 2);
});

Deno.test("a page whose answer was lost costs nobody the session", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  for (let i = 0; i < 3; i++) {
    await browser.open({ isLost: true });
    await pages.app.advance(3_600);
  }
  assertEquals(await pages.rotations(), 1);
  assertEquals((await browser.open()).shown.read, browser.userId);
  await pages.app.advance(3_600);
  assertEquals((await browser.open()).shown.read, browser.userId);
  assertEquals(await pages.rotations(), 2);
});

Deno.test("a browser without an attempt id gets one first, and is refreshed for at the next page", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada", { isNew: true });
  assertEquals((await browser.open()).shown.state, { status: "booting" });
  assertEquals([await pages.rotations(), [...browser.jar.keys()]], [0, [refreshName, attemptName]]);
  assertEquals((await browser.open()).shown.read, browser.userId);
});

Deno.test("20 pages of one browser at once rotate once, and the session outlives them", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  const answers = await Promise.all(Array.from({ length: 20 }, () => browser.open()));
  assertEquals(new Set(answers.map(({ shown }) => shown.read)), new Set([browser.userId]));
  assertEquals(await pages.rotations(), 1);
  await pages.app.advance(3_600);
  assertEquals((await browser.open()).shown.read, browser.userId);
});

Deno.test("an answer that comes after those to later pages takes nobody's session away", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  const [slow] = await Promise.all([browser.open({ isLost: true }), browser.open()]);
  for (let i = 0; i < 3; i++) await browser.open();
  takeCookies(browser.jar, slow.headers);
  for (let i = 0; i < 3; i++) {
    assertEquals((await browser.open()).shown.read, browser.userId);
    await pages.app.advance(3_600);
  }
});

Deno.test("a request that another site may have sent acts for nobody, and asks the auth server nothing", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  const forged: [string, Record<string, string>][] = [
    ["POST", {}],
    ["POST", { origin: "https://evil.test" }],
    ["POST", { origin: "null" }],
    ["POST", { origin: pageOrigin, "sec-fetch-site": "cross-site" }],
    ["POST", { origin: pageOrigin, "sec-fetch-site": "same-site" }],
    ["POST", { "sec-fetch-site": "none" }],
    ["DELETE", { "sec-fetch-site": "same-site", "sec-fetch-mode": "navigate" }],
    ["GET", { "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors" }],
    ["GET", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors", origin: "https://evil.test" }],
    ["GET", { origin: "https://x.pages.watchword.test" }],
  ];
  for (const [method, headers] of forged) {
    const { shown } = await browser.open({ method, headers });
    const expected = { state: { status: "booting" }, seed: null, read: "TOKEN_MISSING" };
    assertEquals([method, headers, shown], [method, headers, expected]);
  }
  assertEquals([new Set(pages.calls), await pages.rotations()], [new Set(["read"]), 0]);
});

Deno.test("the page's own requests, and a link from anywhere, are the user's", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  const own: [string, Record<string, string>][] = [
    ["POST", { origin: pageOrigin }],
    ["POST", { origin: pageOrigin, "sec-fetch-site": "same-origin" }],
    ["GET", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }],
    ["GET", { "sec-fetch-site": "none", "sec-fetch-mode": "navigate" }],
    ["GET", {}],
  ];
  for (const [method, headers] of own) {
    const { shown } = await browser.open({ method, headers });
    assertEquals([method, headers, shown.read], [method, headers, browser.userId]);
  }
});

Deno.test("no cache may keep a page of somebody, or hand nobody's page to somebody", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  for (const canSetCookies of [true, false]) {
    pages.settings.canSetCookies = canSetCookies;
    const { headers } = await browser.open();
    assertEquals([headers.get("cache-control"), headers.get("vary")], ["private, no-store", "cookie"]);
  }
  browser.jar.clear();
  const { shown, headers } = await browser.open();
  assertEquals(shown.state, { status: "anonymous", lastEnd: null });
  assertEquals([headers.get("cache-control"), headers.get("vary")], [null, "cookie"]);
});

Deno.test("a seed gives the browser the user and a token that works, and never the refresh token", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  const before = browser.jar.get(refreshName) ?? "";
  for (const generation of [1, 1]) {
    const { shown, text } = await browser.open();
    const { state, seed } = requireSignedIn(shown);
    assertEquals([seed.user, seed.sessionId, seed.generation], [state.user, state.sessionId, generation]);
    assert(seed.expiresInSeconds > 500 && seed.expiresInSeconds <= 600);
    assertEquals((await pages.app.call("auth.me", { bearer: seed.accessToken })).data.user, seed.user);
    for (const secret of [before, browser.jar.get(refreshName) ?? ""]) assert(!text.includes(secret));
  }
});

Deno.test("tokens are set out of reach of scripts, and bound to the host", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  const cookies = (await browser.open()).headers.getSetCookie();
  const attributes = Object.fromEntries(
    cookies.map((cookie) => [cookie.slice(0, cookie.indexOf("=")), cookie.split("; ").slice(1)]),
  );
  assertEquals(Object.keys(attributes).toSorted(), [accessName, attemptName, refreshName]);
  for (const [name, flags] of Object.entries(attributes)) {
    for (const flag of ["Path=/", "Secure", "SameSite=Lax"]) assert(flags.includes(flag), `${name} ${flag}`);
    assertEquals([name, flags.includes("HttpOnly")], [name, name !== attemptName]);
    assert(!flags.some((flag) => flag.startsWith("Domain")));
  }
});

Deno.test("an access token that is kept beside another session's refresh token is not used", async () => {
  await using pages = await startPages();
  const [ada, grace] = [await pages.openBrowser("ada"), await pages.openBrowser("grace")];
  await ada.open();
  grace.jar.set(accessName, ada.jar.get(accessName) ?? "");
  assertEquals((await grace.open()).shown.read, grace.userId);
  // The page's script has signed somebody else in.
  ada.jar.set(refreshName, grace.jar.get(refreshName) ?? "");
  ada.jar.set(attemptName, grace.jar.get(attemptName) ?? "");
  assertEquals((await ada.open()).shown.read, grace.userId);
});

Deno.test("cookies that are none of ours, doubled or damaged are nobody's, and cost no call", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  const value = browser.jar.get(refreshName);
  const attempt = `${attemptName}=${browser.jar.get(attemptName)}`;
  browser.jar.clear();
  for (
    const cookie of [
      `${refreshName}=${value}; ${refreshName}=${value}`,
      `watchword_refresh=${value}`,
      `x${refreshName}=${value}`,
      `${refreshName}=`,
      `${refreshName}="${value}"`,
      `${refreshName}=${value} x`,
    ]
  ) {
    const { shown } = await browser.open({ headers: { cookie: `${cookie}; ${attempt}` } });
    assertEquals([cookie, shown.seed], [cookie, { user: null }]);
  }
  assertEquals(new Set(pages.calls), new Set(["read"]));
});

Deno.test("a session that was ended is nobody's, and the cookie that may be another's by now stays", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  const { seed } = requireSignedIn((await browser.open()).shown);
  await pages.app.call("auth.logout", { body: {}, bearer: seed.accessToken });
  for (const [seconds, asked] of [[0, 1], [3_600, 2]] as const) {
    await pages.app.advance(seconds);
    const { shown, headers } = await browser.open();
    assertEquals([shown.seed, headers.getSetCookie()], [{ user: null }, []]);
    assertEquals(refreshes(pages.calls), asked);
  }
});
