import { assert, assertEquals, assertMatch } from "@std/assert";
import type { AuthClient } from "@watchword/client";
import type { AnyTRPCRouter } from "@trpc/server";
import { argon2Parameters } from "../../server/passwords/passwords.ts";
import { hashArgon2id } from "../../server/passwords/argon2.ts";
import { password } from "../kit/app.ts";
import { noticeClock } from "../kit/clock.ts";
import { eventually } from "../kit/eventually.ts";
import { findFreePort } from "../kit/free_port.ts";
import { makeFolder } from "../kit/service_process.ts";
import { readBlocks } from "./blocks.ts";
import { getItemAsync } from "./expo_secure_store.ts";
import { openRecipes, type Recipes } from "./recipes.ts";

// deno-lint-ignore no-explicit-any -- the recipes' own types are checked where they are written
type Client = AuthClient<AnyTRPCRouter> & { trpc: any };
const ada = { username: "ada", password };
const json = { "content-type": "application/json" };
const pageOrigin = "https://app.example.com";

async function post(url: string, body: unknown, headers: Record<string, string> = {}) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { ...json, ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, headers: answer.headers, body: await answer.json() };
}

const register = (origin: string, headers?: Record<string, string>) =>
  post(`${origin}/trpc/auth.register`, ada, headers);

async function query(origin: string, path: string, accessToken?: string) {
  const headers: Record<string, string> = accessToken ? { authorization: `Bearer ${accessToken}` } : {};
  const { result, error } = await (await fetch(`${origin}/trpc/${path}`, { headers })).json();
  return result?.data ?? error.data.auth.reason;
}

/** Moves the database's clock, and lets the server notice. */
async function advance({ database, origin }: Recipes, seconds: number): Promise<void> {
  await database.shiftClock(seconds * 1_000);
  await noticeClock(origin);
}

Deno.test("recipe: your own procedures, called by the client, by a client of your own links, and by nobody", async () => {
  await using recipes = await openRecipes();
  await recipes.serve("app/server.ts");
  const app = await recipes.load<
    {
      auth: Client;
      signUp(username: string, password: string): Promise<string>;
      whoAmI(): Promise<string>;
      greet(name: string): Promise<string>;
    }
  >("app/client.ts");
  assertEquals([await app.whoAmI(), await app.greet("Ada")], ["nobody", "Hello, Ada"]);
  assertEquals(await app.signUp("ada", password), "signed_in");
  const { state } = app.auth;
  assertEquals(await app.whoAmI(), state.status === "authenticated" ? state.user.id : null);

  const own = await recipes.load<{ session: Client; trpc: Client["trpc"] }>("own_links/client.ts");
  assertEquals((await own.session.login({ identifier: "ada", password })).status, "signed_in");
  assertEquals(await own.trpc.whoami.query(), await app.whoAmI());
  app.auth.dispose();
  own.session.dispose();
});

Deno.test("recipe: an app with a tRPC root of its own, its context and its transformer", async () => {
  await using recipes = await openRecipes();
  await recipes.serve("nested/server.ts");
  const { auth } = await recipes.load<{ auth: Client }>("nested/client.ts");
  await auth.register(ada);
  assertMatch(await auth.trpc.whoami.query(), / of none$/);
  auth.dispose();
});

for (const host of ["node", "express"]) {
  Deno.test(`recipe: the handler behind ${host}`, async () => {
    await using recipes = await openRecipes();
    await recipes.serve(`${host}/server.ts`);
    assertEquals((await register(recipes.origin)).status, 200);
  });
}

Deno.test("recipe: a role that is granted counts on the next call", async () => {
  await using recipes = await openRecipes();
  const origin = await recipes.serve("roles/server.ts");
  const { accessToken } = (await register(origin)).body.result.data.tokens;
  assertEquals(await query(origin, "report", accessToken), "FORBIDDEN");
  await recipes.run("roles/grant_role.ts", { args: ["ada", "admin"] });
  await recipes.run("roles/grant_role.ts", { args: ["ada", "admin"] });
  assertEquals(await query(origin, "report", accessToken), "for admin");
});

Deno.test("recipe: custom claims are in ctx.auth.claims", async () => {
  await using recipes = await openRecipes();
  const origin = await recipes.serve("claims/server.ts");
  const { accessToken } = (await register(origin)).body.result.data.tokens;
  assertEquals(await query(origin, "plan", accessToken), "free");
});

Deno.test("recipe: a hook writes the app's own row in the transaction of the registration", async () => {
  await using recipes = await openRecipes();
  await recipes.database.sql`
    create table profiles (user_id uuid primary key references users(id) on delete cascade, display_name text not null)`;
  const origin = await recipes.serve("hooks/server.ts");
  assertEquals((await register(origin)).status, 200);
  const refused = await post(`${origin}/trpc/auth.register`, { email: "ada@example.com", password });
  assertEquals(refused.body.error.data.auth.reason, "INPUT_INVALID");
  const rows = await recipes.database.sql`select display_name from profiles`;
  assertEquals([...rows], [{ display_name: "ada" }]);
});

Deno.test("recipe: step-up asks for the password once, and sends the call again", async () => {
  await using recipes = await openRecipes();
  await recipes.serve("step_up/server.ts");
  const { auth, payOut } = await recipes.load<{ auth: Client; payOut(): Promise<string> }>(
    "step_up/client.ts",
  );
  await auth.register(ada);
  assertEquals(await payOut(), "paid");
  await advance(recipes, 700);
  let asked = 0;
  const { prompt } = globalThis;
  globalThis.prompt = () => (asked++, password);
  try {
    assertEquals([await payOut(), asked], ["paid", 1]);
  } finally {
    globalThis.prompt = prompt;
    auth.dispose();
  }
});

Deno.test("recipe: cookie mode on one origin, and a page that a server renders for its user", async () => {
  await using recipes = await openRecipes();
  const origin = await recipes.serve("cookies/server.ts");
  assertMatch(await (await fetch(`${origin}/`)).text(), /app\.js/);
  const foreign = await register(origin, {
    "x-watchword-mode": "cookie",
    origin: "https://evil.example.com",
  });
  assertEquals(foreign.body.error.data.auth.reason, "CSRF");
  const { headers, body } = await register(origin, { "x-watchword-mode": "cookie", origin: pageOrigin });
  assertEquals(body.result.data.tokens.refreshToken, undefined);
  const refreshCookie = headers.getSetCookie()[0]?.split(";")[0] ?? "";
  assertMatch(refreshCookie, /^__Host-watchword_refresh=/);

  const { renderPage } = await recipes.load<{ renderPage(request: Request): Promise<Response> }>(
    "ssr/server.tsx",
  );
  const open = async (cookies: string[]) => {
    const answer = await renderPage(
      new Request(`${pageOrigin}/`, { headers: { cookie: cookies.join("; ") } }),
    );
    return {
      html: await answer.text(),
      cookies: answer.headers.getSetCookie().map((one) => one.split(";")[0] ?? ""),
    };
  };
  assertMatch((await open([])).html, /Please sign in/);
  const first = await open([refreshCookie]);
  assertMatch(first.html, /One moment/);
  const second = await open([refreshCookie, ...first.cookies]);
  assertMatch(second.html, /Hello, (?:<!-- -->)?ada/);
  assert(!second.html.includes(refreshCookie.split("=")[1] ?? ""), "the page holds the refresh token");
});

Deno.test("recipe: a session in React Native's storage", async () => {
  await using recipes = await openRecipes();
  await recipes.serve("app/server.ts");
  const { auth } = await recipes.load<{ auth: Client }>("native/client.ts");
  await auth.register(ada);
  assert(await getItemAsync("watchword"));
  await auth.logout();
  const { user, accessToken, refreshToken } = JSON.parse(await getItemAsync("watchword") ?? "{}");
  assertEquals([user, accessToken, refreshToken], [null, "", ""]);
  auth.dispose();
});

Deno.test("recipe: a command-line tool stays signed in from one run to the next", async () => {
  await using recipes = await openRecipes();
  await using folder = await makeFolder();
  const origin = await recipes.serve("app/server.ts");
  const { user } = (await register(origin)).body.result.data;
  const tool = (...args: string[]) =>
    recipes.run("cli/tool.ts", { args, env: { TOOL_CONFIG: `${folder.path}/config` } });
  assertEquals(await tool("whoami"), "nobody");
  assertEquals(await tool("login", "ada", "wrong password"), "not signed in: INVALID_CREDENTIALS");
  assertEquals(await tool("login", "ada", password), "signed in");
  assertEquals(await tool("whoami"), user.id);
  assertEquals(await tool("logout"), "signed out");
  assertEquals(await tool("whoami"), "nobody");
});

Deno.test("recipe: a subscription over SSE and over a WebSocket", async () => {
  await using recipes = await openRecipes();
  const origin = await recipes.serve("streams/server.ts");
  await register(origin);
  const { overSse, overWs, follow } = await recipes.load<{
    overSse: Client;
    overWs: Client;
    follow(auth: Client, onTick: (tick: string) => void): { unsubscribe(): void };
  }>("streams/client.ts");
  for (const auth of [overSse, overWs]) {
    await auth.login({ identifier: "ada", password });
    const ticks: string[] = [];
    const following = follow(auth, (tick) => ticks.push(tick));
    await eventually("three ticks", 20_000, () => ticks.length >= 3);
    following.unsubscribe();
    assertEquals(ticks.slice(0, 3), ["tick 1", "tick 2", "tick 3"]);
    await auth.logout();
    auth.dispose();
  }
});

Deno.test("recipe: two instances, of which one ends what the other began, and finishes when it is told to", async () => {
  await using recipes = await openRecipes();
  const one = await recipes.serve("instances/server.ts");
  const other = await recipes.serve("instances/server.ts", { port: findFreePort() });
  const { accessToken } = (await register(one)).body.result.data.tokens;
  const bearer = { authorization: `Bearer ${accessToken}` };
  assertEquals((await query(other, "auth.me", accessToken)).user.username, "ada");
  assertEquals((await post(`${one}/trpc/auth.logout`, {}, bearer)).status, 200);
  assertEquals(await query(other, "auth.me", accessToken), "SESSION_REVOKED");
  assertEquals(await recipes.stop(other), 0);
});

Deno.test("recipe: another service verifies, and hears of a sign-out", async () => {
  await using recipes = await openRecipes();
  const origin = await recipes.serve("server/main.ts");
  const service = await recipes.serve("verifier/service.ts", { port: findFreePort() });
  const { user, tokens } = (await register(origin)).body.result.data;
  const bearer = { authorization: `Bearer ${tokens.accessToken}` };
  const ask = async () => await (await fetch(service, { headers: bearer })).json();
  assertEquals(await ask(), { userId: user.id, roles: [] });
  await post(`${origin}/trpc/auth.logout`, {}, bearer);
  await eventually("the sign-out is known", 10_000, async () => (await ask()).reason === "SESSION_REVOKED");
});

Deno.test("recipe: the upkeep of a cron runs and ends", async () => {
  await using recipes = await openRecipes();
  await recipes.run("upkeep/cron.ts");
  const [row] = await recipes.database.sql`select state from signing_keys`;
  assertEquals(row?.["state"], "active");
});

Deno.test("recipe: tests of your own app pass over the fake auth server", async () => {
  await using recipes = await openRecipes();
  assertMatch(await recipes.run("testing/app_test.ts", { command: "test" }), /3 passed.* \| 0 failed/);
});

Deno.test("recipe: any language signs up, signs in and asks who it is with curl", async () => {
  await using recipes = await openRecipes();
  await recipes.serve("server/main.ts");
  const page = await Deno.readTextFile(new URL("../../examples/docs/recipes.md", import.meta.url));
  const script = readBlocks("", page).find(({ language, text }) => language === "sh" && text.includes("/v1/"))
    ?.text;
  const here = (script ?? "").replaceAll("http://127.0.0.1:8000", recipes.origin).replaceAll(
    "\n",
    "\necho\n",
  );
  const { stdout } = await new Deno.Command("bash", { args: ["-e", "-c", here] }).output();
  const [first, second] = new TextDecoder().decode(stdout).split("\n").filter((line) => line.startsWith("{"));
  assertEquals(JSON.parse(first ?? "").user.username, "ada");
  assertEquals(JSON.parse(second ?? "").user.username, "ada");
});

Deno.test("recipe: users of a Flask app come with their Argon2id hashes, and the route keeps its guard", async () => {
  await using recipes = await openRecipes();
  const origin = await recipes.serve("from_flask/server.ts");
  const passwordHash = await hashArgon2id(password, argon2Parameters);
  await recipes.run("from_flask/import_users.ts", {
    input: `${JSON.stringify({ username: "Ada", passwordHash })}\n`,
  });
  const signIn = () => post(`${origin}/v1/login`, { identifier: "ada", password });
  const pay = async () => {
    const { accessToken } = (await signIn()).body.tokens;
    return (await post(`${origin}/v1/payout`, {}, { authorization: `Bearer ${accessToken}` })).body;
  };
  assertEquals((await pay()).reason, "FORBIDDEN");
  await recipes.database.sql`update users set roles = '{treasurer}'`;
  const { user } = (await signIn()).body;
  assertEquals(await pay(), { paid_by: user.id });
});
