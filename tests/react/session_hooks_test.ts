import { assert, assertEquals, assertThrows } from "@std/assert";
import type { SessionState } from "@watchword/client";
import { password, startTestApp, type TestApp } from "../kit/app.ts";
import { openPage } from "./open_page.ts";
import { bundleReact, type ReactBundle } from "./bundle_react.ts";

/** A client that counts its requests, and three components that count their renders. */
function createScene(app: TestApp, react: ReactBundle) {
  const { AuthProvider, createElement, SignedIn, useAuthClient, useSession, useState, useUser } = react;
  const counts = { requests: 0, session: 0, user: 0, guarded: 0 };
  const snapshots = new Set<SessionState>();
  const auth = app.client({
    fetch: (input, init) => {
      counts.requests++;
      return fetch(input, init);
    },
  });
  function Session() {
    counts.session++;
    const state = useSession();
    snapshots.add(state);
    return createElement("i", null, state.status);
  }
  function User() {
    counts.user++;
    return createElement("b", null, useUser()?.username ?? "nobody");
  }
  function Guarded() {
    counts.guarded++;
    const [draft, setDraft] = useState("");
    const id = useAuthClient<typeof auth>() === auth ? "write" : "broken";
    return createElement("button", { id, onClick: () => setDraft("a draft") }, draft || "empty");
  }
  const shown = createElement(
    AuthProvider,
    { auth },
    createElement(Session),
    createElement(User),
    createElement(SignedIn, { fallback: "please sign in", pending: "one moment" }, createElement(Guarded)),
  );
  return { auth, counts, snapshots, shown };
}

for (const version of [18, 19] as const) {
  const react = await bundleReact(version);

  Deno.test(`C-73: React ${version}: mounting twice in strict mode sends nothing, and the snapshot stays the same object`, async () => {
    await using app = await startTestApp();
    const { auth, counts, snapshots, shown } = createScene(app, react);
    using _ = auth;
    await auth.register({ username: "ada", password });
    counts.requests = 0;
    await using page = await openPage(shown, { react });
    await page.show(react.createElement("p", null, shown));
    assertEquals([counts.requests, snapshots.size], [0, 1]);
    assertEquals(page.text(), "authenticatedadaempty");
    assertEquals(page.complaints, []);
  });

  Deno.test(`C-74: React ${version}: focus with a fresh token costs no request, no event and no render`, async () => {
    await using app = await startTestApp();
    const { auth, counts, shown } = createScene(app, react);
    using _ = auth;
    await auth.register({ username: "ada", password });
    await using page = await openPage(shown, { react });
    let events = 0;
    auth.subscribe(() => events++);
    auth.on(() => events++);
    const before = { ...counts };
    await page.focus();
    assertEquals([counts, events], [before, 0]);
  });

  Deno.test(`C-75: React ${version}: a refresh renders again what reads the session, and not what reads only the user`, async () => {
    await using app = await startTestApp();
    const { auth, counts, shown } = createScene(app, react);
    using _ = auth;
    await auth.register({ username: "ada", password });
    await using page = await openPage(shown, { react, isStrict: false });
    const before = { ...counts };
    const user = auth.state.status === "authenticated" ? auth.state.user : null;
    await app.advance(3_600);
    await page.act(() => auth.trpc.auth.me.query());
    assert(counts.requests - before.requests === 2, "the call and one refresh");
    assert(counts.session > before.session);
    assertEquals([counts.user, counts.guarded], [before.user, before.guarded]);
    assert(auth.state.status === "authenticated" && auth.state.user === user);
  });

  Deno.test(`React ${version}: a guard shows who must sign in and who may see`, async () => {
    await using app = await startTestApp();
    const { auth, shown } = createScene(app, react);
    using _ = auth;
    await auth.ready;
    await using page = await openPage(shown, { react });
    assertEquals(page.text(), "anonymousnobodyplease sign in");
    await page.act(() => auth.register({ username: "ada", password }));
    assertEquals(page.text(), "authenticatedadaempty");
    await page.act(() => auth.logout());
    assertEquals(page.text(), "anonymousnobodyplease sign in");
    assertEquals(page.complaints, []);
  });

  Deno.test(`React ${version}: another user behind the same guard starts without the former one's state`, async () => {
    await using app = await startTestApp();
    const { auth, shown } = createScene(app, react);
    using _ = auth;
    await auth.register({ username: "ada", password });
    await using page = await openPage(shown, { react });
    await page.press("write");
    assertEquals(page.text(), "authenticatedadaa draft");
    await page.act(() => auth.register({ username: "grace", password }));
    assertEquals(page.text(), "authenticatedgraceempty");
  });

  Deno.test(`React ${version}: what a server rendered is hydrated without a mismatch, however early the session is known`, async () => {
    await using app = await startTestApp();
    const { auth, shown } = createScene(app, react);
    using _ = auth;
    const html = react.renderToString(shown);
    assert(html.includes("booting") && html.includes("one moment"), html);
    await auth.register({ username: "ada", password });
    await using page = await openPage(shown, { react, html, isStrict: false });
    assertEquals(page.complaints, []);
    assertEquals(page.text(), "authenticatedadaempty");
  });

  Deno.test(`React ${version}: a component outside of a provider is told so`, () => {
    const Lost = () => react.createElement("b", null, react.useUser()?.username);
    assertThrows(() => react.renderToString(react.createElement(Lost)), Error, "no AuthProvider");
  });
}
