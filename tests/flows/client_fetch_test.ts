import { assert, assertEquals } from "@std/assert";
import { createAuthClient } from "@watchword/client";
import { password, startTestApp } from "../kit/app.ts";
import { outcomeOf, standingClock, startClientScene } from "../kit/client_scene.ts";
import { createWire } from "../kit/wire.ts";

/** A server of another origin, or an API of the app's, that remembers what it was sent. */
function serve(answer: (request: Request, count: number) => Response | Promise<Response>) {
  const heard: { path: string; authorization: string | null; body: string }[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname: path } = new URL(request.url);
    const authorization = request.headers.get("authorization");
    heard.push({ path, authorization, body: await request.clone().text() });
    return await answer(request, heard.length);
  });
  return {
    heard,
    origin: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const refused = (body: unknown) => Response.json(body, { status: 401 });
const problem = { reason: "TOKEN_EXPIRED", title: "The access token has expired", status: 401 };
const trpcError = (auth: unknown) => ({ error: { message: "", code: -32001, data: { auth } } });

/** A client of a real service, whose own API answers from a server of the test's. */
async function startApi(answer: Parameters<typeof serve>[0]) {
  const app = await startTestApp();
  const api = serve(async (request, count) => {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith("/trpc/auth.")) return await answer(request, count);
    const { method, headers } = request;
    return await fetch(app.origin + pathname, { method, headers, body: await request.text() });
  });
  const client = createAuthClient({ url: `${api.origin}/trpc` });
  await client.register({ username: "ada", password });
  const calls = () => api.heard.filter(({ path }) => path === "/api");
  return {
    ...{ app, api, client, calls, url: `${api.origin}/api` },
    async [Symbol.asyncDispose]() {
      client.dispose();
      await api[Symbol.asyncDispose]();
      await app[Symbol.asyncDispose]();
    },
  };
}

Deno.test("fetch gives the token to the own origin, and to no other, however it is written", async () => {
  await using elsewhere = serve(() => new Response("ok"));
  await using scene = await startClientScene();
  const { app, client } = scene;
  assertEquals((await (await client.fetch(`${app.origin}/v1/me`)).json()).user.username, "ada");
  assertEquals((await client.fetch(new URL("/v1/me", app.origin))).status, 200);
  assertEquals((await client.fetch(new Request(`${app.origin}/v1/me`))).status, 200);
  const { port } = new URL(elsewhere.origin);
  for (
    const input of [elsewhere.origin, new URL(elsewhere.origin), new Request(`http://localhost:${port}/`)]
  ) {
    await (await client.fetch(input)).body?.cancel();
  }
  assertEquals(elsewhere.heard.map(({ authorization }) => authorization), [null, null, null]);
});

Deno.test("a redirect to another origin takes the call there, and not the token", async () => {
  await using elsewhere = serve(() => new Response("ok"));
  await using scene = await startApi(() => Response.redirect(`${elsewhere.origin}/there`, 307));
  assertEquals(await (await scene.client.fetch(scene.url)).text(), "ok");
  assert(scene.calls()[0]?.authorization?.startsWith("Bearer "));
  assertEquals(elsewhere.heard.map(({ path, authorization }) => [path, authorization]), [["/there", null]]);
});

for (
  const [what, body] of [
    ["a problem document", problem],
    ["a tRPC error", trpcError({ reason: "TOKEN_EXPIRED", executed: false })],
  ] as const
) {
  Deno.test(`fetch sends once more, under a fresh token, what ${what} said was refused in front of its code`, async () => {
    await using scene = await startApi((_, count) => count === 2 ? refused(body) : new Response("done"));
    const { client, url, calls } = scene;
    const answer = await client.fetch(url, { method: "POST", body: "an upload" });
    assertEquals([await answer.text(), calls().map(({ body }) => body)], ["done", [
      "an upload",
      "an upload",
    ]]);
    assertEquals(new Set(calls().map(({ authorization }) => authorization)).size, 2);
  });
}

Deno.test("a Request with a body is sent once more too", async () => {
  await using scene = await startApi((_, count) => count === 2 ? refused(problem) : new Response("done"));
  const { client, url, calls } = scene;
  await (await client.fetch(new Request(url, { method: "POST", body: "an upload" }))).body?.cancel();
  assertEquals(calls().map(({ body }) => body), ["an upload", "an upload"]);
});

Deno.test("fetch sends twice at most, and hands the second refusal on", async () => {
  await using scene = await startApi(() => refused(problem));
  const answer = await scene.client.fetch(scene.url);
  assertEquals([answer.status, await answer.json(), scene.calls().length], [401, problem, 2]);
});

for (
  const [what, answer] of [
    ["ran", () => refused(trpcError({ reason: "TOKEN_EXPIRED", executed: true }))],
    ["gave no reason for", () => new Response("<h1>401</h1>", { status: 401 })],
    ["refused for another reason", () => refused({ reason: "INVALID_CREDENTIALS" })],
    ["forbade", () => Response.json({ reason: "FORBIDDEN" }, { status: 403 })],
  ] as const
) {
  Deno.test(`fetch does not send again what the server ${what}`, async () => {
    await using scene = await startApi(answer);
    const response = await scene.client.fetch(scene.url, { method: "POST", body: "1" });
    await response.body?.cancel();
    const isRenewed = scene.api.heard.some(({ path }) => path.endsWith("auth.refresh"));
    assertEquals([scene.calls().length, isRenewed, scene.client.state.status], [1, false, "authenticated"]);
  });
}

Deno.test("a body that is a stream is sent once: it cannot be had again", async () => {
  await using scene = await startApi(() => refused(problem));
  const body = new Blob(["an upload"]).stream();
  const answer = await scene.client.fetch(scene.url, { method: "POST", body });
  assertEquals([answer.status, await answer.json(), scene.calls().length], [401, problem, 1]);
});

Deno.test("without a session fetch goes without a token, and refreshes nothing", async () => {
  await using app = await startTestApp();
  const wire = createWire();
  using client = app.client({ fetch: wire.fetch });
  const answer = await client.fetch(`${app.origin}/v1/me`);
  assertEquals([answer.status, (await answer.json()).reason], [401, "TOKEN_MISSING"]);
  assertEquals(wire.sent.map(({ authorization }) => authorization), [null]);
});

Deno.test("a token in a header of the caller's own is replaced, and the other headers are kept", async () => {
  await using scene = await startApi((request) => Response.json(Object.fromEntries(request.headers)));
  const headers = { authorization: "Bearer old", "x-tenant": "acme" };
  const heard = await (await scene.client.fetch(scene.url, { headers })).json();
  assertEquals([heard["x-tenant"], heard.authorization], [
    "acme",
    `Bearer ${await scene.client.getAccessToken()}`,
  ]);
});

Deno.test("getAccessToken renews by force, or where the token lives shorter than asked, and otherwise does not", async () => {
  await using scene = await startClientScene();
  const { app, client, wire } = scene;
  const first = await client.getAccessToken();
  assertEquals(await client.getAccessToken({ minTtlSeconds: 300 }), first);
  await app.advance(400);
  assertEquals([await client.getAccessToken(), wire.count("auth.refresh")], [first, 0]);
  const second = await client.getAccessToken({ minTtlSeconds: 300 });
  const third = await client.getAccessToken({ force: true });
  assertEquals([new Set([first, second, third]).size, wire.count("auth.refresh")], [3, 2]);
  await client.logout();
  assertEquals(await client.getAccessToken({ force: true }), null);
});

Deno.test("a token that cannot be renewed by force is an error, and asking by force does not wait for the back-off", async () => {
  let isDown = true;
  await using scene = await startClientScene({
    client: { clock: standingClock },
    alter: async (sent, forward) => {
      if (isDown && sent.procedures[0] === "auth.refresh") throw new TypeError("offline");
      return await forward();
    },
  });
  const { client } = scene;
  assertEquals(await outcomeOf(client.getAccessToken({ force: true })), "unreachable");
  isDown = false;
  assertEquals(await outcomeOf(client.getAccessToken({ force: true })), "done");
});
