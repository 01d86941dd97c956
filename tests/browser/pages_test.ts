import { assertEquals } from "@std/assert";
import type { BrowserContext, Page } from "playwright-core";
import { launchChromium, openPage, signIn, waitForStatus } from "./browser.ts";
import { type PageApp, startPageApp } from "./page_app.ts";

const browser = await launchChromium();
Deno.test.afterAll(() => browser.close());

/** A promise about pages of one origin in a real browser. */
function promise(
  name: string,
  keep: (scene: { app: PageApp; context: BrowserContext }) => Promise<void>,
): void {
  // The driver's socket outlives a test.
  Deno.test({ name, sanitizeOps: false, sanitizeResources: false }, async () => {
    await using app = await startPageApp();
    const context = await browser.newContext();
    try {
      await keep({ app, context });
    } finally {
      await context.close();
    }
  });
}

const callTen = (opened: Page) =>
  opened.evaluate(async () => {
    const calls = Array.from({ length: 10 }, () => page.auth.trpc.read.query());
    return (await Promise.allSettled(calls)).filter(({ status }) => status === "fulfilled").length;
  });

for (const store of ["web", "indexeddb"]) {
  promise(
    `C-35: five pages over ${store} storage whose tokens end together refresh once`,
    async ({ app, context }) => {
      const pages = await Promise.all(
        Array.from({ length: 5 }, () => openPage(context, app, `?store=${store}`)),
      );
      const [first] = pages as [Page];
      await signIn(first);
      for (const opened of pages) await waitForStatus(opened, "authenticated");
      await app.advance(3_600);
      assertEquals(await Promise.all(pages.map(callTen)), [10, 10, 10, 10, 10]);
      assertEquals(app.seen.requests.get("auth.refresh"), 1);
    },
  );

  promise(`C-32: a sign-out reaches the other pages over ${store} storage`, async ({ app, context }) => {
    const query = `?store=${store}`;
    const first = await openPage(context, app, query);
    const others = [await openPage(context, app, query), await openPage(context, app, query)];
    await signIn(first);
    for (const other of others) await waitForStatus(other, "authenticated");
    await first.evaluate(() => page.auth.logout());
    for (const other of others) {
      await waitForStatus(other, "anonymous");
      const state = await other.evaluate(() => page.auth.state);
      assertEquals(state, { status: "anonymous", lastEnd: "other_tab" });
    }
  });
}

promise("C-33: a sign-in as another user reaches the other pages", async ({ app, context }) => {
  const [first, second] = [await openPage(context, app), await openPage(context, app)];
  await signIn(first);
  await waitForStatus(second, "authenticated");
  const username = await signIn(first);
  await second.waitForFunction((name) => {
    const { state } = page.auth;
    return state.status === "authenticated" && state.user.username === name;
  }, username);
});

promise(
  "C-51: a page that comes back from the back-forward cache knows of a sign-out meanwhile",
  async ({ app, context }) => {
    const [first, second] = [await openPage(context, app), await openPage(context, app)];
    await signIn(first);
    await waitForStatus(second, "authenticated");
    await first.evaluate(() => Object.assign(globalThis, { kept: "from the cache" }));
    await first.goto("about:blank");
    await second.evaluate(() => page.auth.logout());
    await first.goBack({ waitUntil: "commit" });
    await waitForStatus(first, "anonymous");
    assertEquals(await first.evaluate(() => Reflect.get(globalThis, "kept")), "from the cache");
  },
);

promise(
  "C-55: a refresh whose answer is lost is made up for, and nobody is signed out",
  async ({ app, context }) => {
    const opened = await openPage(context, app);
    await signIn(opened);
    let lost = 0;
    await opened.route("**/trpc/auth.refresh", async (route) => {
      if (lost++ > 0) return await route.continue();
      await route.fetch();
      await route.abort();
    });
    await app.advance(3_600);
    assertEquals(await callTen(opened), 0);
    await opened.waitForTimeout(1_100);
    assertEquals(await callTen(opened), 10);
    const [session] = await app.database.sql`select generation, revoked_at from sessions`;
    assertEquals([session?.["generation"], session?.["revoked_at"]], [1, null]);
  },
);

promise(
  "C-59: a page that was offline goes on when the network is back, by itself",
  async ({ app, context }) => {
    const opened = await openPage(context, app);
    await signIn(opened);
    await app.advance(3_600);
    await context.setOffline(true);
    assertEquals(await callTen(opened), 0);
    await waitForStatus(opened, "authenticated");
    await context.setOffline(false);
    await opened.waitForFunction(() => {
      const { state } = page.auth;
      return state.status === "authenticated" && state.freshness === "fresh";
    });
    assertEquals(await callTen(opened), 10);
  },
);

promise("C-82: a service worker and its page refresh once between them", async ({ app, context }) => {
  const opened = await openPage(context, app, "?store=indexeddb&worker");
  await signIn(opened);
  await app.advance(3_600);
  const [fromPage, fromWorker] = await opened.evaluate(() =>
    Promise.all([page.auth.trpc.read.query(), page.callInWorker()])
  );
  assertEquals(fromWorker, { said: fromPage });
  assertEquals(app.seen.requests.get("auth.refresh"), 1);
});
