import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { findChromium } from "./find_chromium.ts";
import type { Page as PageHandle } from "./page/page.ts";
import type { PageApp } from "./page_app.ts";

declare global {
  // What the page exposes; tests reach it inside `evaluate`.
  var page: PageHandle;
}

/** Starts Chromium. @throws when none is installed */
export async function launchChromium(): Promise<Browser> {
  const executablePath = await findChromium();
  if (executablePath === null) throw new Error("Chromium is not installed");
  return await chromium.launch({
    executablePath,
    // Pages that are gone back to come from the cache, as they do for people.
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** Opens the page and waits until it runs. */
export async function openPage(context: BrowserContext, app: PageApp, query = ""): Promise<Page> {
  const opened = await context.newPage();
  await opened.goto(`${app.origin}/${query}`);
  await opened.waitForSelector("html[data-ready]", { state: "attached" });
  await opened.evaluate(() => page.auth.ready);
  return opened;
}

/** Registers a user in one page. */
export async function signIn(opened: Page): Promise<string> {
  const username = `user-${crypto.randomUUID().slice(0, 8)}`;
  await opened.evaluate(
    (name) => page.auth.register({ username: name, password: "correct horse battery" }),
    username,
  );
  return username;
}

/** Waits until a page's session is as said. */
export async function waitForStatus(opened: Page, status: string): Promise<void> {
  await opened.waitForFunction((wanted) => page.auth.state.status === wanted, status);
}
