import { assert, assertEquals } from "@std/assert";
import type { Auth } from "@watchword/server";
import { z } from "zod";
import { decodeToken } from "../kit/jwt.ts";
import { password, startTestApp, type TestApp, type TestAppOptions } from "../kit/app.ts";
import { outcome } from "../kit/sessions.ts";

// The app of the three Flask tutorials: register, login, logout and refresh come with `auth.router`, and
// `/protected` is a procedure of the app's own.
function createTutorialApp({ trpc, router, protectedProcedure }: Auth) {
  return trpc.router({
    auth: router,
    protected: protectedProcedure.query(({ ctx }) => ({ logged_in_as: ctx.auth.userId })),
    save: protectedProcedure.input(z.strictObject({ text: z.string() })).mutation(({ input }) =>
      input.text.length
    ),
  });
}

const start = (options: TestAppOptions = {}) => startTestApp({ router: createTutorialApp, ...options });

const credentials = { username: "your_username", password };

async function registerAndLogin(app: TestApp) {
  await app.call("auth.register", { body: credentials });
  const { data } = await app.call("auth.login", { body: { identifier: credentials.username, password } });
  return data as {
    user: { id: string };
    tokens: { accessToken: string; refreshToken: string; sessionId: string };
  };
}

Deno.test("tutorial 'User Registration': a name and a password make a user, whose password is stored hashed", async () => {
  await using app = await start();
  const { status, data } = await app.call("auth.register", { body: credentials });
  assertEquals([status, data.user.username], [200, "your_username"]);
  const [row] = await app.database.sql`select password_hash from users`;
  assert(row?.["password_hash"].startsWith("$argon2id$"));
});

Deno.test("tutorial 'User Registration': a name that exists is not overwritten, as the tutorial's dictionary is", async () => {
  await using app = await start();
  await app.call("auth.register", { body: credentials });
  const again = await app.call("auth.register", {
    body: { ...credentials, password: "another long password" },
  });
  assertEquals(outcome(again), "409 IDENTIFIER_TAKEN");
  assertEquals(
    (await app.call("auth.login", { body: { identifier: "your_username", password } })).status,
    200,
  );
});

Deno.test("tutorial 'User Login': the right password gives an access token and a refresh token", async () => {
  await using app = await start();
  const { tokens } = await registerAndLogin(app);
  assertEquals(tokens.accessToken.split(".").length, 3);
  assert(!tokens.refreshToken.includes("."));
});

Deno.test("tutorial 'Bad email or password': a wrong one gives 401 and no token", async () => {
  await using app = await start();
  await app.call("auth.register", { body: credentials });
  const answer = await app.call("auth.login", {
    body: { identifier: "your_username", password: "password" },
  });
  assertEquals([outcome(answer), answer.data], ["401 INVALID_CREDENTIALS", undefined]);
});

Deno.test("tutorial 'Missing JSON in request': a login without a body is 400, and one that is not JSON is 415", async () => {
  await using app = await start();
  assertEquals(outcome(await app.call("auth.login", { method: "POST" })), "400 INPUT_INVALID");
  const rawBody = "username=your_username&password=x";
  assertEquals(outcome(await app.call("auth.login", { rawBody })), "415 BODY_TYPE");
  const headers = { "content-type": "application/json" };
  assertEquals(outcome(await app.call("auth.login", { rawBody, headers })), "400 INPUT_INVALID");
});

Deno.test("tutorial 'request.json.get(…, None)': a login with a field missing is 400, not a crash", async () => {
  await using app = await start();
  for (const body of [{}, { identifier: "ada" }, { password }, { identifier: null, password: null }]) {
    assertEquals(outcome(await app.call("auth.login", { body })), "400 INPUT_INVALID");
  }
});

Deno.test("tutorial 'Protecting Routes with JWT': a protected route knows its caller", async () => {
  await using app = await start();
  const { user, tokens } = await registerAndLogin(app);
  const { status, data } = await app.call("protected", { bearer: tokens.accessToken });
  assertEquals([status, data], [200, { logged_in_as: user.id }]);
});

Deno.test("tutorial 'Missing Authorization Header': a protected route without a token is 401", async () => {
  await using app = await start();
  const answer = await app.call("protected");
  assertEquals([outcome(answer), answer.auth?.executed], ["401 TOKEN_MISSING", false]);
});

Deno.test("tutorial 'Send the JWT in the Authorization header': the scheme may be in any case", async () => {
  await using app = await start();
  const { tokens } = await registerAndLogin(app);
  for (const scheme of ["Bearer", "bearer", "BEARER"]) {
    const headers = { authorization: `${scheme} ${tokens.accessToken}` };
    assertEquals([scheme, (await app.call("protected", { headers })).status], [scheme, 200]);
  }
});

Deno.test("tutorial 'Not enough segments': a broken token is 401 and never 422 or 500", async () => {
  await using app = await start();
  const { tokens } = await registerAndLogin(app);
  for (
    const bearer of ["x", "a.b", "a.b.c", tokens.accessToken.slice(0, -4), `${tokens.accessToken}.x`, "null"]
  ) {
    assertEquals([bearer, outcome(await app.call("protected", { bearer }))], [bearer, "401 TOKEN_INVALID"]);
  }
});

Deno.test("tutorial 'Signature verification failed': claims that were edited are not believed", async () => {
  await using app = await start();
  const { tokens } = await registerAndLogin(app);
  const [head, body = "", signature] = tokens.accessToken.split(".");
  const claims = { ...JSON.parse(atob(body.replaceAll("-", "+").replaceAll("_", "/"))), roles: ["admin"] };
  const edited = `${head}.${btoa(JSON.stringify(claims)).replace(/=+$/, "")}.${signature}`;
  assertEquals(outcome(await app.call("protected", { bearer: edited })), "401 TOKEN_INVALID");
});

Deno.test("tutorial 'JWT_ACCESS_TOKEN_EXPIRES = 1800': tokens live as long as configured", async () => {
  await using app = await start({ accessTokenTtlSeconds: 1_800 });
  const { tokens } = await registerAndLogin(app);
  await app.advance(1_600);
  assertEquals((await app.call("protected", { bearer: tokens.accessToken })).status, 200);
  await app.advance(210);
  assertEquals(outcome(await app.call("protected", { bearer: tokens.accessToken })), "401 TOKEN_EXPIRED");
});

Deno.test("tutorial 'Token has expired': an expired token is told apart from a broken one", async () => {
  await using app = await start();
  const { tokens } = await registerAndLogin(app);
  await app.advance(3_600);
  const answer = await app.call("protected", { bearer: tokens.accessToken });
  assertEquals([outcome(answer), answer.auth?.executed], ["401 TOKEN_EXPIRED", false]);
});

Deno.test("tutorial '/token/refresh': a refresh token gives a new access token for the same user", async () => {
  await using app = await start();
  const { user, tokens } = await registerAndLogin(app);
  await app.advance(3_600);
  const { status, data } = await app.call("auth.refresh", { body: { refreshToken: tokens.refreshToken } });
  assertEquals(status, 200);
  assertEquals((await app.call("protected", { bearer: data.accessToken })).data, { logged_in_as: user.id });
});

Deno.test("tutorial 'Only refresh tokens are allowed': an access token does not refresh, and is not called theft", async () => {
  await using app = await start();
  const { tokens } = await registerAndLogin(app);
  const body = { refreshToken: tokens.accessToken };
  assertEquals(outcome(await app.call("auth.refresh", { body })), "401 REFRESH_INVALID");
  assertEquals(
    outcome(await app.call("auth.refresh", { body: {}, bearer: tokens.accessToken })),
    "401 REFRESH_INVALID",
  );
  assertEquals((await app.call("protected", { bearer: tokens.accessToken })).status, 200);
});

Deno.test("tutorial 'Only non-refresh tokens are allowed': a refresh token opens no protected route", async () => {
  await using app = await start();
  const { tokens } = await registerAndLogin(app);
  assertEquals(outcome(await app.call("protected", { bearer: tokens.refreshToken })), "401 TOKEN_INVALID");
});

Deno.test("tutorial 'User Logout': the same token is refused afterwards", async () => {
  await using app = await start();
  const { tokens } = await registerAndLogin(app);
  const { status, data } = await app.call("auth.logout", { body: {}, bearer: tokens.accessToken });
  assertEquals([status, data], [200, { ok: true }]);
  assertEquals(outcome(await app.call("protected", { bearer: tokens.accessToken })), "401 SESSION_REVOKED");
});

Deno.test("tutorial 'User Logout': unlike the tutorial's, it ends the refresh token too", async () => {
  await using app = await start();
  const { tokens } = await registerAndLogin(app);
  await app.call("auth.logout", { body: {}, bearer: tokens.accessToken });
  const { refreshToken } = tokens;
  assertEquals(outcome(await app.call("auth.refresh", { body: { refreshToken } })), "401 SESSION_REVOKED");
});

Deno.test("tutorial 'blacklisted_tokens': a logout survives a restart, which the tutorial's set does not", async () => {
  await using app = await start();
  const { tokens } = await registerAndLogin(app);
  await app.call("auth.logout", { body: {}, bearer: tokens.accessToken });
  const restarted = await app.startInstance();
  assertEquals(
    outcome(await restarted.call("protected", { bearer: tokens.accessToken })),
    "401 SESSION_REVOKED",
  );
});

Deno.test("tutorial 'token freshness': a refreshed token is as old a sign-in as the one before it, a login is new", async () => {
  await using app = await start();
  const { tokens } = await registerAndLogin(app);
  await app.advance(300);
  const refreshed = (await app.call("auth.refresh", { body: { refreshToken: tokens.refreshToken } })).data;
  const again =
    (await app.call("auth.login", { body: { identifier: "your_username", password } })).data.tokens;
  const signedInAt = (token: string) => Number(decodeToken(token).claims["auth_time"]);
  assertEquals(signedInAt(refreshed.accessToken), signedInAt(tokens.accessToken));
  assert(signedInAt(again.accessToken) >= signedInAt(tokens.accessToken) + 300);
  const me = async (bearer: string) =>
    Date.parse((await app.call("auth.me", { bearer })).data.session.authenticatedAt);
  assert(await me(again.accessToken) - await me(refreshed.accessToken) >= 300_000);
});

Deno.test("tutorial 'Error loading the user': no refusal echoes the user's name", async () => {
  await using app = await start();
  const { tokens } = await registerAndLogin(app);
  await app.database.sql`delete from users`;
  for (const bearer of [tokens.accessToken, "x"]) {
    const { text } = await app.call("auth.me", { bearer });
    assert(!text.includes("your_username"), text);
  }
});

Deno.test("tutorial 'request.get_json()': a protected route with a body takes what it asks for and nothing else", async () => {
  await using app = await start();
  const { tokens } = await registerAndLogin(app);
  const save = (body: unknown) => app.call("save", { body, bearer: tokens.accessToken });
  assertEquals((await save({ text: "four" })).data, 4);
  assertEquals([(await save({ text: 4 })).status, (await save({ text: "x", admin: true })).status], [
    400,
    400,
  ]);
});
