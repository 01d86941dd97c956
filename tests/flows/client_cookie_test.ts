import { assert, assertEquals } from "@std/assert";
import type { AuthClientOptions } from "@watchword/client";
import { cookieMode } from "@watchword/client/cookie";
import { memoryStore } from "@watchword/client/storage";
import { createTabs, fakeClock } from "@watchword/client/testing";
import { password, startTestApp } from "../kit/app.ts";
import { outcomeOf } from "../kit/client_scene.ts";
import { createCookieJar } from "../kit/cookie_jar.ts";
import { readSession } from "../kit/sessions.ts";
import { networkError } from "../kit/wire.ts";

const pageOrigin = "https://app.watchword.test";
const cookieName = "__Host-watchword_refresh";
type Break = (forward: () => Promise<Response>) => Promise<Response>;

/** A browser in cookie mode before the real service; what it sends and hears is remembered, the cookies aside. */
async function startBrowser() {
  // Under no leeway, a parent that is used under two attempts is a theft.
  const app = await startTestApp({ allowedOrigins: [pageOrigin], refreshLeewaySeconds: 0 });
  const bodies: string[] = [];
  const attempts: string[] = [];
  const network: { beforeCookie: Break | null; afterCookie: Break | null } = {
    beforeCookie: null,
    afterCookie: null,
  };
  const isRefresh = (input: unknown) => String(input).endsWith("/auth.refresh");
  const through = (cut: Break | null, forward: () => Promise<Response>) => cut ? cut(forward) : forward();
  const jar = createCookieJar(
    pageOrigin,
    (input, init) => {
      const forward = () => fetch(input, init);
      return isRefresh(input) ? through(network.beforeCookie, forward) : forward();
    },
  );
  const fetchHere: typeof fetch = async (input, init) => {
    bodies.push(String(init?.body ?? ""));
    if (isRefresh(input)) attempts.push(JSON.parse(String(init?.body)).attemptId);
    const forward = () => jar.fetch(input, init);
    const answer = await (isRefresh(input) ? through(network.afterCookie, forward) : forward());
    const text = await answer.text();
    bodies.push(text);
    return new Response(text, answer);
  };
  const storage = memoryStore();
  const clients: Disposable[] = [];
  function open(options: Partial<AuthClientOptions> = {}) {
    const client = app.client({ ...cookieMode(), fetch: fetchHere, storage, ...options });
    clients.push(client);
    return client;
  }
  const client = open();
  assertEquals((await client.register({ username: "ada", password })).status, "signed_in");
  const sessionId = client.state.status === "authenticated" ? client.state.sessionId : "";
  return {
    ...{ app, jar, bodies, attempts, network, storage, open, client },
    cookie: () => jar.cookies.get(cookieName) ?? null,
    async findRotations() {
      const { generation, revoked_at } = await readSession(app, sessionId);
      return { generation, revoked_at };
    },
    async [Symbol.asyncDispose]() {
      for (const each of clients) each[Symbol.dispose]();
      await app[Symbol.asyncDispose]();
    },
  };
}

const call = (client: { trpc: { auth: { me: { query(): Promise<unknown> } } } }) =>
  outcomeOf(client.trpc.auth.me.query());

Deno.test("in cookie mode a session is renewed and restored without any token in the store or in a body", async () => {
  await using browser = await startBrowser();
  const { app, client, storage, bodies, cookie, open } = browser;
  const cookies = [cookie()];
  await app.advance(3_600);
  assertEquals(await call(client), "done");
  cookies.push(cookie());
  const restarted = open();
  assertEquals([await call(restarted), restarted.state.status], ["done", "authenticated"]);
  cookies.push(cookie());
  const stored = await storage.get("watchword") ?? "";
  assertEquals(new Set(cookies).size, 3);
  for (const token of cookies) {
    assert(token && ![stored, ...bodies].some((text) => text.includes(token)));
  }
  assert(!/eyJ/.test(stored));
  assertEquals(JSON.parse(stored).refreshToken, "");
});

const losses: Record<
  string,
  (network: { beforeCookie: Break | null; afterCookie: Break | null }, cut: Break) => void
> = {
  "with its cookie": (network, cut) => network.beforeCookie = cut,
  "but for its cookie": (network, cut) => network.afterCookie = cut,
};
for (const [what, lose] of Object.entries(losses)) {
  Deno.test(`C-55: in cookie mode an answer that was lost ${what} costs neither the session nor a second life`, async () => {
    for (const isRestarted of [false, true]) {
      await using browser = await startBrowser();
      const { app, client, network, open, attempts } = browser;
      lose(network, async (forward) => {
        await (await forward()).body?.cancel();
        return networkError();
      });
      await app.advance(3_600);
      assertEquals(await call(client), "unreachable");
      Object.assign(network, { beforeCookie: null, afterCookie: null });
      await app.advance(7_200);
      if (isRestarted) client.dispose();
      assertEquals(await call(isRestarted ? open() : client), "done");
      assertEquals([attempts.length, new Set(attempts).size], [2, 1]);
      const { revoked_at, generation } = await browser.findRotations();
      assertEquals([revoked_at, generation <= 2], [null, true]);
    }
  });
}

Deno.test("in cookie mode a logout clears the cookie and the store, also when its token is over", async () => {
  for (const seconds of [0, 3_600]) {
    await using browser = await startBrowser();
    const { app, client, storage, cookie, open } = browser;
    await app.advance(seconds);
    await client.logout();
    assertEquals([cookie(), JSON.parse(await storage.get("watchword") ?? "").user], [null, null]);
    assert((await browser.findRotations()).revoked_at);
    const restarted = open();
    await restarted.ready;
    assertEquals(restarted.state, { status: "anonymous", lastEnd: null });
  }
});

for (const hasLocks of [true, false]) {
  Deno.test(`C-36: in cookie mode 20 tabs ${hasLocks ? "with" : "without"} locks that expire together end no session`, async () => {
    await using browser = await startBrowser();
    const tabs = createTabs({ clock: fakeClock(), fetch, hasLocks });
    const shared = tabs.open().options.storage;
    await shared.set("watchword", await browser.storage.get("watchword") ?? "");
    const clients = Array.from({ length: 20 }, () => browser.open({ storage: tabs.open().options.storage }));
    await Promise.all(clients.map(({ ready }) => ready));
    await browser.app.advance(3_600);
    assertEquals(await Promise.all(clients.map(call)), clients.map(() => "done"));
    // Now the tabs' own generations are apart.
    for (const client of clients.slice(0, 3)) await client.getAccessToken({ force: true });
    await browser.app.advance(3_600);
    assertEquals(await Promise.all(clients.map(call)), clients.map(() => "done"));
    assertEquals((await browser.findRotations()).revoked_at, null);
  });
}

Deno.test("C-56: in cookie mode a tab whose generation is behind keeps its attempt for after a restart too", async () => {
  await using browser = await startBrowser();
  const { app, client: behind, network, open } = browser;
  const other = open();
  for (let rotations = 0; rotations < 3; rotations++) {
    await app.advance(3_600);
    assertEquals(await call(other), "done");
  }
  network.beforeCookie = async (forward) => {
    await (await forward()).body?.cancel();
    return networkError();
  };
  assertEquals(await call(behind), "unreachable");
  network.beforeCookie = null;
  behind.dispose();
  other.dispose();
  await app.advance(3_600);
  const restarted = open();
  assertEquals([await call(restarted), (await browser.findRotations()).revoked_at], ["done", null]);
});

Deno.test("C-33: in cookie mode another user's sign-in in another tab is never used for this one's calls", async () => {
  await using browser = await startBrowser();
  const { app, client, open } = browser;
  const other = open({ storage: memoryStore() });
  await other.register({ username: "grace", password });
  await app.advance(3_600);
  // The cookie is grace's by now, and this tab has heard nothing.
  const answer = await client.trpc.auth.me.query().then(({ user }) => user.username, () => "refused");
  assertEquals(answer, "refused");
  assertEquals(await call(other), "done");
});
