import { assertEquals } from "@std/assert";
import { type AuthClient, isAuthClientError } from "@watchword/client";
import { memoryStore, type SessionStorage } from "@watchword/client/storage";
import type { AppRouter } from "@watchword/server";
import { password, registerUser, startTestApp, type TestApp } from "../kit/app.ts";
import { eventually } from "../kit/eventually.ts";
import { outcome, refresh } from "../kit/sessions.ts";
import { createWire, networkError, refusal, type Sent } from "../kit/wire.ts";

type Client = AuthClient<AppRouter>;

/** Whose session is in a storage: nobody's, once it is over. */
const findStoredUser = async (storage: SessionStorage) =>
  JSON.parse(await storage.get("watchword") ?? "null").user;

/** A client whose refreshes meet `alter`, signed in, with its token past its end. */
async function startExpired(
  app: TestApp,
  alter: (sent: Sent, forward: () => Promise<Response>) => Promise<Response>,
  storage: SessionStorage = memoryStore(),
) {
  const wire = createWire((sent, forward) =>
    sent.procedures[0] === "auth.refresh" ? alter(sent, forward) : forward()
  );
  const client = app.client({ fetch: wire.fetch, storage });
  await client.register({ username: `u${crypto.randomUUID().slice(0, 8)}`, password });
  const ends: unknown[] = [];
  client.subscribe(() => client.state.status === "anonymous" && ends.push(client.state.lastEnd));
  await app.advance(3_600);
  return { client, wire, storage, ends };
}

const call = (client: Client) =>
  client.trpc.auth.me.query().then(
    () => "done",
    (error) => isAuthClientError(error.cause) ? error.cause.code : "error",
  );

for (
  const [reason, lastEnd] of [
    ["REFRESH_INVALID", "revoked"],
    ["REFRESH_EXPIRED", "expired"],
    ["REFRESH_REUSED", "reuse_detected"],
    ["SESSION_REVOKED", "revoked"],
  ] as const
) {
  Deno.test(`C-60, A-S4: 20 calls that meet ${reason} sign out once and refresh once`, async () => {
    await using app = await startTestApp();
    const auth = { reason, executed: false };
    const { client, wire, storage, ends } = await startExpired(
      app,
      (sent) => Promise.resolve(refusal(sent, 401, auth)),
    );
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => call(client)));
    assertEquals(new Set(outcomes), new Set(["signed_out"]));
    assertEquals([ends, wire.count("auth.refresh")], [[lastEnd], 1]);
    assertEquals([await findStoredUser(storage), await client.getAccessToken()], [null, null]);
  });
}

Deno.test("C-34, A-S4: a session that was ended elsewhere signs out at the next call, once, and asks nothing more", async () => {
  await using app = await startTestApp();
  const wire = createWire();
  using client = app.client({ fetch: wire.fetch });
  await client.register({ username: "ada", password });
  const ends: unknown[] = [];
  client.subscribe(() => client.state.status === "anonymous" && ends.push(client.state.lastEnd));
  const { data } = await app.call("auth.login", { body: { identifier: "ada", password } });
  await app.call("auth.logout", { body: { scope: "others" }, bearer: data.tokens.accessToken });
  await Promise.allSettled(Array.from({ length: 10 }, () => client.trpc.auth.me.query()));
  assertEquals([ends, wire.count("auth.refresh")], [["revoked"], 0]);
});

const html = (status: number) => new Response("<h1>down for maintenance</h1>", { status });
const tooManyRequests = { reason: "RATE_LIMITED", executed: false, retryAfterSeconds: 30 };

const unreachable: Record<string, (sent: Sent) => Response | never> = {
  "a dead network": () => networkError(),
  ...Object.fromEntries(
    [400, 401, 403, 404, 407, 408, 409, 429, 431, 451, 500, 502, 503, 504, 511, 599].map((status) => [
      `a page with status ${status}`,
      () => html(status),
    ]),
  ),
  "an empty answer": () => new Response("", { status: 200 }),
  "a page with status 200": () => html(200),
  "JSON that is no answer": () => Response.json({ ok: true }),
  "null": () => Response.json(null),
  "a list": () => Response.json([]),
  "half of an answer": () => new Response('{"result":{"data":{"tokenType":"Bea', { status: 200 }),
  "a result without tokens": () => Response.json({ result: { data: { hello: "world" } } }),
  "a result that is text": () => Response.json({ result: { data: "welcome" } }),
  "tokens without an access token": () =>
    Response.json({
      result: { data: { tokenType: "Bearer", sessionId: "x", generation: 1, expiresInSeconds: 600 } },
    }),
  "401 without a reason": () =>
    Response.json({ error: { code: -32001, data: { code: "UNAUTHORIZED" } } }, { status: 401 }),
  "a reason that is not on the list": (sent) => refusal(sent, 401, { reason: "GONE", executed: false }),
  "UNAVAILABLE": (sent) =>
    refusal(sent, 503, { reason: "UNAVAILABLE", executed: false, retryAfterSeconds: 1 }),
  "OVERLOADED": (sent) => refusal(sent, 503, { reason: "OVERLOADED", executed: false }),
  "INTERNAL": (sent) => refusal(sent, 500, { reason: "INTERNAL", executed: true }),
  "RATE_LIMITED": (sent) => refusal(sent, 429, tooManyRequests),
  "TOKEN_EXPIRED": (sent) => refusal(sent, 401, { reason: "TOKEN_EXPIRED", executed: false }),
};

Deno.test("A-S3: no answer but a terminal one ever signs out, and the session goes on afterwards", async (t) => {
  await using app = await startTestApp();
  for (const [what, answer] of Object.entries(unreachable)) {
    await t.step(what, async () => {
      let isBroken = true;
      const { client, storage, ends } = await startExpired(
        app,
        (sent, forward) => isBroken ? Promise.resolve().then(() => answer(sent)) : forward(),
      );
      const before = JSON.parse(await storage.get("watchword") ?? "{}");
      assertEquals(["unreachable", "throttled"].includes(await call(client)), true);
      assertEquals([client.state.status, ends], ["authenticated", []]);
      const { attemptId: _, ...kept } = JSON.parse(await storage.get("watchword") ?? "{}");
      assertEquals(kept, before);
      isBroken = false;
      await app.advance(120);
      assertEquals(await call(client), "done");
    });
  }
});

Deno.test("C-58, A-S3: RATE_LIMITED is waited out as long as the server says, without asking again", async () => {
  await using app = await startTestApp();
  const { client, wire } = await startExpired(
    app,
    (sent) => Promise.resolve(refusal(sent, 429, tooManyRequests)),
  );
  assertEquals(await call(client), "throttled");
  await app.advance(25);
  assertEquals(await call(client), "throttled");
  assertEquals(wire.count("auth.refresh"), 1);
  await app.advance(10);
  await call(client);
  assertEquals(wire.count("auth.refresh"), 2);
});

/** A refresh that stays under way until it is released. */
function heldRefresh() {
  let release!: () => void;
  const held = new Promise<void>((resolve) => release = resolve);
  let arrived!: () => void;
  const started = new Promise<void>((resolve) => arrived = resolve);
  return {
    release,
    started,
    alter: async (_: Sent, forward: () => Promise<Response>) => {
      const answer = await forward();
      arrived();
      await held;
      return answer;
    },
  };
}

Deno.test("C-27, A-S2: a logout during a refresh discards the new tokens, and nothing of them works", async () => {
  await using app = await startTestApp();
  const { release, started, alter } = heldRefresh();
  const { client, storage, ends } = await startExpired(app, alter);
  const before = JSON.parse(await storage.get("watchword") ?? "{}");
  const waiting = call(client);
  await started;
  await client.logout();
  release();
  assertEquals(await waiting, "session_changed");
  assertEquals([ends, await findStoredUser(storage)], [["user"], null]);
  assertEquals([client.state.status, await client.getAccessToken()], ["anonymous", null]);
  assertEquals(outcome(await refresh(app, before.refreshToken)), "401 SESSION_REVOKED");
});

Deno.test("C-27, A-S2: a logout while the refresh is still reading the store leaves no token in the store", async () => {
  await using app = await startTestApp();
  const memory = memoryStore();
  let release: (() => void) | undefined;
  let isSlow = false;
  const storage = {
    ...memory,
    async get(key: string) {
      const value = await memory.get(key);
      if (isSlow) await new Promise<void>((resolve) => release = resolve);
      return value;
    },
  };
  const { client } = await startExpired(app, (_, forward) => forward(), storage);
  isSlow = true;
  const waiting = call(client);
  while (release === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
  isSlow = false;
  await client.logout();
  release();
  await waiting;
  assertEquals(await findStoredUser(memory), null);
});

Deno.test("C-28: a user's waiting call is never sent under the name of the next one", async () => {
  await using app = await startTestApp();
  const { release, started, alter } = heldRefresh();
  const { client, wire } = await startExpired(app, alter);
  const waiting = call(client);
  await started;
  const { username } = await registerUser(app);
  await client.login({ identifier: username, password });
  release();
  assertEquals(await waiting, "session_changed");
  assertEquals((await client.trpc.auth.me.query()).user.username, username);
  assertEquals(wire.count("auth.me"), 1);
});

Deno.test("C-31: a logout without a network signs out here at once, and the server is told when it is back", async () => {
  await using app = await startTestApp();
  let isOffline = false;
  const wire = createWire((_, forward) => isOffline ? Promise.reject(new TypeError("offline")) : forward());
  using client = app.client({ fetch: wire.fetch });
  await client.register({ username: "ada", password });
  const bearer = await client.getAccessToken() ?? "";
  isOffline = true;
  await client.logout();
  assertEquals([client.state.status, await client.getAccessToken()], ["anonymous", null]);
  assertEquals((await app.call("auth.me", { bearer })).status, 200);

  isOffline = false;
  globalThis.dispatchEvent(new Event("online"));
  await eventually(
    "the session is over",
    5_000,
    async () => (await app.call("auth.me", { bearer })).status === 401,
  );
});

Deno.test("a logout of all that the server could not be told of says so", async () => {
  await using app = await startTestApp();
  let isOffline = false;
  const wire = createWire((_, forward) => isOffline ? Promise.reject(new TypeError("offline")) : forward());
  using client = app.client({ fetch: wire.fetch });
  await client.register({ username: "ada", password });
  isOffline = true;
  const error = await client.logout({ scope: "all" }).then(() => null, (thrown) => thrown);
  assertEquals([isAuthClientError(error) && error.code, client.state.status], ["unreachable", "anonymous"]);
});

Deno.test("a logout of the others keeps this session", async () => {
  await using app = await startTestApp();
  using client = app.client();
  using other = app.client();
  await client.register({ username: "ada", password });
  await other.login({ identifier: "ada", password });
  await client.logout({ scope: "others" });
  assertEquals((await client.trpc.auth.me.query()).user.username, "ada");
  await other.trpc.auth.me.query().catch(() => {});
  assertEquals(other.state, { status: "anonymous", lastEnd: "revoked" });
});
