import { assert, assertEquals } from "@std/assert";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { AuthProvider, type SessionSource, SignedIn, useUser } from "@watchword/client/react";
import type { Seed } from "@watchword/client/server";
import { toInitialState } from "../../client/seed.ts";
import { openPage } from "../react/open_page.ts";
import { startPages } from "./start_pages.ts";

const Greeting = () => createElement("b", null, `hello ${useUser()?.username}`);
const showPage = (auth: SessionSource) =>
  createElement(
    AuthProvider,
    { auth },
    createElement(SignedIn, { fallback: "please sign in", pending: "one moment" }, createElement(Greeting)),
  );

/** A client in the browser, as it is built with a seed. */
function createSeeded(seed: Seed | null): SessionSource {
  const state = toInitialState(seed);
  return { state, initialState: state, subscribe: () => () => {} };
}

Deno.test("what a server rendered for a user, for nobody and for somebody unknown is hydrated as it is", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  const opened = [(await browser.open()).shown];
  await pages.app.advance(3_600);
  pages.settings.canSetCookies = false;
  opened.push((await browser.open()).shown);
  browser.jar.clear();
  opened.push((await browser.open()).shown);

  const texts: string[] = [];
  for (const { state, seed } of opened) {
    const html = renderToString(showPage({ state, initialState: state, subscribe: () => () => {} }));
    await using page = await openPage(showPage(createSeeded(seed)), { html, isStrict: false });
    assertEquals(page.complaints, []);
    assert(html.includes(page.text()), html);
    texts.push(page.text());
  }
  assertEquals(texts, ["hello ada", "one moment", "please sign in"]);
});
