import { assert, assertEquals, assertMatch } from "@std/assert";
import { reasons } from "@watchword/shared";
import { differences, tutorials } from "../../server/http/docs_page_tutorials.ts";
import { html } from "../../server/http/docs_page_html.ts";
import { startTestApp, type TestApp } from "../kit/app.ts";
import { listRoutes } from "./rest_calls.ts";

async function readPage(app: TestApp): Promise<{ page: string; policy: string }> {
  const { status, headers, text } = await app.call("/docs");
  assertEquals([status, headers.get("content-type")], [200, "text/html; charset=utf-8"]);
  return { page: text, policy: headers.get("content-security-policy") ?? "" };
}

const unescape = (text: string) =>
  text.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&lt;", "<").replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");

/** The commands that the page shows, each with the answer beneath it. */
function readCommands(page: string): { command: string; answer: string }[] {
  const pairs = page.matchAll(/<pre class="run">([^]*?)<\/pre>\s*<pre class="answer">([^]*?)<\/pre>/g);
  return Array.from(pairs, ([, command = "", answer = ""]) => ({
    command: unescape(command),
    answer: unescape(answer),
  }));
}

/** Runs a command as a reader would, with what they would put in. */
async function runCommand(command: string, put: Record<string, string>): Promise<string> {
  const line = Object.entries(put).reduce((text, [from, to]) => text.replaceAll(from, to), command);
  const script = line.replace(/^curl /, "curl -s -w '\\n%{http_code}' ");
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
  const lines = new TextDecoder().decode(stdout).split("\n");
  return `${lines.at(-1)} ${lines.slice(0, -1).join("\n")}`;
}

/** Holds an answer against the one shown, where `…` stands for anything. */
function assertShown(said: string, shown: string, command: string): void {
  const escape = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(`^${shown.replaceAll(/\n\s*/g, "").split("…").map(escape).join(".*")}$`);
  assert(pattern.test(said), `${command}\nshows\n${shown}\nand was\n${said}`);
}

for (const [index, { title }] of tutorials.entries()) {
  Deno.test(`the steps of the tutorial “${title}” run as the page shows them, in their order`, async () => {
    await using app = await startTestApp({ issuer: "http://127.0.0.1:8000" });
    const { page } = await readPage(app);
    const part = page.slice(page.indexOf(`“${title}”`), page.indexOf(`“${tutorials[index + 1]?.title}”`));
    const commands = readCommands(part);
    assert(commands.length >= 4);
    const put: Record<string, string> = { "http://127.0.0.1:8000": app.origin };
    for (const { command, answer } of commands) {
      const said = await runCommand(command, put);
      assertShown(said, answer, command);
      const [, accessToken] = /"accessToken":"([^"]+)"/.exec(said) ?? [];
      const [, refreshToken] = /"refreshToken":"([^"]+)"/.exec(said) ?? [];
      if (accessToken) put["your_access_token"] = accessToken;
      if (refreshToken) put["your_refresh_token"] = refreshToken;
    }
  });
}

Deno.test("the page shows every step of the three tutorials, theirs beside ours, in their order", async () => {
  await using app = await startTestApp();
  const { page } = await readPage(app);
  let at = 0;
  for (const { title, steps } of tutorials) {
    for (const text of [`“${title}”`, ...steps.map((step) => step.title)]) {
      const next = page.indexOf(html`${text}`.markup, at);
      assert(next > at, `${text} is not where it should be`);
      at = next;
    }
  }
  // What the tutorials do, in the order in which they do it.
  const calls = tutorials.map(({ steps }) =>
    steps.flatMap(({ theirs }) => /localhost:5000(\/\S+)/.exec(theirs)?.[1] ?? [])
  );
  assertEquals(calls, [
    ["/register", "/login", "/protected", "/login", "/token/refresh"],
    ["/login", "/login", "/login", "/protected-route", "/refresh", "/expired"],
    ["/register", "/login", "/logout", "/protected"],
  ]);
});

Deno.test("the page lists where URL, method, field names and the place of the refresh token differ", async () => {
  await using app = await startTestApp();
  const { page } = await readPage(app);
  const rows = differences.flatMap(({ of, rows }) => rows.map(([what]) => `${of}: ${what}`));
  for (const call of ["Register", "Login", "Protected route", "Refresh", "Logout"]) {
    assert(rows.includes(`${call}: method and URL`) && rows.includes(`${call}: answer`), call);
  }
  assert(rows.includes("Refresh: place of the refresh token"));
  const served = listRoutes(app).map(({ method, template }) => `${method} ${template}`);
  const named = differences.flatMap(({ rows }) => rows).filter(([what]) => what === "method and URL").flatMap(
    ([, , ours]) => Array.from(ours.matchAll(/`([^`]+)`/g), ([, route = ""]) => route),
  );
  assertEquals(named.filter((route) => !served.includes(route)), []);
  for (const { of } of differences) assert(page.includes(`<th colspan="3">${of}</th>`), of);
});

Deno.test("the page has every operation and every reason, each where a problem's type points", async () => {
  await using app = await startTestApp();
  const { page } = await readPage(app);
  for (const { method, template } of listRoutes(app)) {
    assert(page.includes(`<code>${method} ${template}</code>`));
  }
  for (const [reason, { message }] of Object.entries(reasons)) {
    assert(page.includes(`id="${reason}"`), reason);
    assert(page.includes(html`${message}`.markup), reason);
  }
});

Deno.test("every link of the page leads somewhere, and no two places have one name", async () => {
  await using app = await startTestApp();
  const { page } = await readPage(app);
  const ids = Array.from(page.matchAll(/ id="([^"]+)"/g), ([, id = ""]) => id);
  assertEquals(ids.filter((id, index) => ids.indexOf(id) !== index), []);
  const targets = Array.from(page.matchAll(/href="([^"]+)"/g), ([, target = ""]) => target);
  assert(targets.length > 50);
  for (const target of new Set(targets)) {
    if (target.startsWith("#")) assert(ids.includes(target.slice(1)), target);
    else assertEquals([target, (await app.call(target)).status], [target, 200]);
  }
});

Deno.test("the page asks for nothing from outside, has no script, and may have none", async () => {
  await using app = await startTestApp();
  const { page, policy } = await readPage(app);
  assertEquals(
    page.match(/<(?:script|link|img|iframe|object|form|base|audio|video)\b|@import|url\(| on\w+=| style=/gi),
    null,
  );
  const [, style = ""] = /<style>([^]*?)<\/style>/.exec(page) ?? [];
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style)));
  const hash = digest.toBase64();
  assertEquals(
    policy,
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
});

Deno.test("what is put into the page is text and never markup", async () => {
  const evil = `<script>alert("1")</script>'&`;
  assertEquals(
    html`<p>${evil}</p>`.markup,
    "<p>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;</p>",
  );
  await using app = await startTestApp({
    router: ({ trpc, router, publicProcedure }) =>
      trpc.router({
        auth: router,
        x: publicProcedure.meta({ rest: "GET /v1/x", summary: evil }).query(() => 1),
      }),
  });
  const { page } = await readPage(app);
  assert(!page.includes("<script>"));
  assertMatch(page, /&lt;script&gt;alert/);
});
