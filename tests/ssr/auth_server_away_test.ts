import { assert, assertEquals, assertRejects } from "@std/assert";
import { createServerAuth } from "@watchword/client/server";
import { attemptName, pageOrigin, refreshName, startPages } from "./start_pages.ts";

const isRefresh = (input: unknown) => String(input).includes("auth.refresh");

Deno.test("while the auth server is away nobody is signed out: the browser is left to find out", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  const away: (typeof fetch)[] = [
    () => Promise.reject(new TypeError("connection refused")),
    () => Promise.resolve(new Response("<h1>Bad gateway</h1>", { status: 502 })),
    () => Promise.resolve(new Response("{}", { status: 401 })),
    () => Promise.resolve(Response.json({ result: { data: { hello: "captive portal" } } })),
    () => Promise.resolve(new Response(null, { status: 429 })),
  ];
  for (const answer of away) {
    pages.settings.fetch = (input, init) => isRefresh(input) ? answer(input, init) : fetch(input, init);
    const { shown, headers } = await browser.open();
    assertEquals([shown.state, shown.seed], [{ status: "booting" }, null]);
    assertEquals(headers.getSetCookie(), []);
  }
  pages.settings.fetch = fetch;
  assertEquals((await browser.open()).shown.read, browser.userId);
});

Deno.test("a refresh whose answer the page server never saw is asked for again by the next page", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  pages.settings.fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (!isRefresh(input)) return response;
    await response.body?.cancel();
    throw new TypeError("connection reset");
  };
  assertEquals((await browser.open()).shown.state, { status: "booting" });
  await pages.app.advance(3_600);
  pages.settings.fetch = fetch;
  assertEquals((await browser.open()).shown.read, browser.userId);
  assertEquals(await pages.rotations(), 1);
});

Deno.test("a rotation reaches the browser even when the call after it fails", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  const before = browser.jar.get(refreshName);
  pages.settings.fetch = (input, init) =>
    String(input).includes("auth.me") ? Promise.reject(new TypeError("cut")) : fetch(input, init);
  assertEquals((await browser.open()).shown.state, { status: "booting" });
  assert(browser.jar.get(refreshName) !== before);
  pages.settings.fetch = fetch;
  assertEquals((await browser.open()).shown.read, browser.userId);
  assertEquals(await pages.rotations(), 1);
});

/** A server that writes down what it is sent. */
function startRecorder(answer: () => Response) {
  const requests: Headers[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    requests.push(new Headers(request.headers));
    return answer();
  });
  const origin = `http://127.0.0.1:${server.addr.port}`;
  return { origin, requests, [Symbol.asyncDispose]: () => server.shutdown() };
}

const cookie = `theme=dark; ${refreshName}=${"A".repeat(92)}; ${attemptName}=${
  "A".repeat(22)
}; app_session=secret`;

Deno.test("of the browser's cookies only the refresh token is passed on, and never to where a redirect leads", async () => {
  await using elsewhere = startRecorder(() => Response.json({}));
  await using recorder = startRecorder(() => Response.redirect(`${elsewhere.origin}/trpc/auth.refresh`, 307));
  const auth = await createServerAuth({
    url: `${recorder.origin}/trpc`,
    origin: pageOrigin,
    request: new Request("https://anything.test/", {
      headers: { cookie, authorization: "Basic x", "x-any": "y" },
    }),
    canSetCookies: true,
  });
  assertEquals(auth.state, { status: "booting" });
  const sent = recorder.requests.map((headers) =>
    ["cookie", "origin", "x-watchword-mode", "authorization", "x-any"].map((name) => headers.get(name))
  );
  assertEquals(sent, [[`${refreshName}=${"A".repeat(92)}`, pageOrigin, "cookie", null, null]]);
  assertEquals(elsewhere.requests, []);
});

Deno.test("cookies that something else adds to the answer are not handed on", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  pages.settings.fetch = async (input, init) => {
    const response = await fetch(input, init);
    const headers = new Headers(response.headers);
    const [cookie] = headers.getSetCookie();
    if (cookie !== undefined) headers.set("set-cookie", "balancer=7; Path=/");
    if (cookie !== undefined) headers.append("set-cookie", cookie);
    return new Response(response.body, { status: response.status, headers });
  };
  assertEquals((await browser.open()).shown.read, browser.userId);
  assertEquals(browser.jar.has("balancer"), false);
});

Deno.test("an origin that the auth server does not allow is a mistake that is told at once", async () => {
  await using pages = await startPages();
  const request = new Request(pages.url, { headers: { cookie } });
  const url = `${pages.app.origin}/trpc`;
  const start = () => createServerAuth({ url, origin: "https://other.test", request, canSetCookies: true });
  await assertRejects(start, Error, "does not allow the origin https://other.test");
});

Deno.test("an auth server that hangs is waited for no longer than was said", async () => {
  await using pages = await startPages();
  const browser = await pages.openBrowser("ada");
  pages.settings.timeoutMs = 50;
  pages.settings.fetch = (input, init) =>
    isRefresh(input)
      ? new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason)))
      : fetch(input, init);
  assertEquals((await browser.open()).shown.state, { status: "booting" });
});
