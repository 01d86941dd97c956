import { assert, assertEquals } from "@std/assert";
import { decodeToken } from "../kit/jwt.ts";
import { registerUser, startTestApp } from "../kit/app.ts";
import { outcome, readSession, refresh, rotate } from "../kit/sessions.ts";

Deno.test("R-22: each refresh begins the idle lifetime anew", async () => {
  await using app = await startTestApp({ refreshIdleTtlSeconds: 1_000 });
  const { tokens } = await registerUser(app);
  let token = tokens.refreshToken;
  for (let i = 0; i < 4; i++) {
    await app.advance(900);
    token = await rotate(app, token);
  }
  assertEquals((await refresh(app, token)).status, 200);
});

Deno.test("R-22: a session that was idle one second too long is over", async () => {
  await using app = await startTestApp({ refreshIdleTtlSeconds: 1_000 });
  const { tokens } = await registerUser(app);
  await app.advance(1_001);
  assertEquals(outcome(await refresh(app, tokens.refreshToken)), "401 REFRESH_EXPIRED");
});

Deno.test("R-22: no refresh extends the absolute lifetime: shortly before it is fine, shortly after is not", async () => {
  await using app = await startTestApp({ refreshIdleTtlSeconds: 600, sessionAbsoluteTtlSeconds: 1_000 });
  const { tokens } = await registerUser(app);
  const { absolute_expires_at } = await readSession(app, tokens.sessionId);
  await app.advance(500);
  const second = await rotate(app, tokens.refreshToken);
  await app.advance(490);
  const third = await rotate(app, second);
  assertEquals((await readSession(app, tokens.sessionId)).absolute_expires_at, absolute_expires_at);
  await app.advance(11);
  assertEquals(outcome(await refresh(app, third)), "401 REFRESH_EXPIRED");
});

Deno.test("A-040: near the end of a session no token is promised to outlive it", async () => {
  await using app = await startTestApp({ sessionAbsoluteTtlSeconds: 1_000 });
  const { tokens } = await registerUser(app);
  await app.advance(900);
  const { data } = await refresh(app, tokens.refreshToken);
  const { absolute_expires_at, last_access_expires_at } = await readSession(app, tokens.sessionId);
  const end = absolute_expires_at.getTime() / 1_000;
  assert(Number(decodeToken(data.accessToken).claims["exp"]) <= end);
  assert(data.expiresInSeconds <= 100 && data.refreshExpiresInSeconds <= 100);
  assert(last_access_expires_at.getTime() / 1_000 <= end);
});

Deno.test("the lifetimes of both tokens are the configured ones", async () => {
  await using app = await startTestApp({ accessTokenTtlSeconds: 100, refreshIdleTtlSeconds: 5_000 });
  const { tokens } = await registerUser(app);
  const { data } = await refresh(app, tokens.refreshToken);
  assert(data.expiresInSeconds >= 95 && data.expiresInSeconds <= 100);
  assert(data.refreshExpiresInSeconds >= 4_999 && data.refreshExpiresInSeconds <= 5_000);
});

Deno.test("R-35: an access token is good until its end and for five seconds of clock difference, no longer", async () => {
  await using app = await startTestApp({ accessTokenTtlSeconds: 100 });
  const { tokens } = await registerUser(app);
  const { exp, iat } = decodeToken(tokens.accessToken).claims;
  const me = () => app.call("auth.me", { bearer: tokens.accessToken });
  const lifetime = Number(exp) - Number(iat);
  await app.advance(lifetime);
  assertEquals((await me()).status, 200);
  await app.advance(6);
  assertEquals(outcome(await me()), "401 TOKEN_EXPIRED");
});

Deno.test("authenticatedAt and auth_time stay those of the sign-in, however often it is refreshed", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  const before = await app.call("auth.me", { bearer: tokens.accessToken });
  await app.advance(500);
  const { data } = await refresh(app, tokens.refreshToken);
  const after = await app.call("auth.me", { bearer: data.accessToken });
  assertEquals(after.data.session.authenticatedAt, before.data.session.authenticatedAt);
  assertEquals(
    decodeToken(data.accessToken).claims["auth_time"],
    decodeToken(tokens.accessToken).claims["auth_time"],
  );
  assert(after.data.session.lastUsedAt > before.data.session.lastUsedAt);
});

Deno.test("the 61st rotation of a session within a minute waits, and the session lives on", async () => {
  await using app = await startTestApp({ rateLimits: true });
  const { tokens } = await registerUser(app);
  let token = tokens.refreshToken;
  for (let i = 0; i < 60; i++) token = await rotate(app, token);
  const refused = await refresh(app, token);
  assertEquals([outcome(refused), refused.auth?.executed], ["429 RATE_LIMITED", false]);
  assertEquals(refused.headers.get("retry-after"), String(refused.auth?.retryAfterSeconds));
  await app.advance(61);
  assertEquals((await refresh(app, token)).status, 200);
});

Deno.test("A-044: a flood of forged tokens is told to wait, while a good token is still served", async () => {
  await using app = await startTestApp({ rateLimits: true });
  const { tokens } = await registerUser(app);
  const outcomes: string[] = [];
  for (let i = 0; i < 125; i++) outcomes.push(outcome(await refresh(app, `forged ${i}`)));
  assertEquals(outcomes.slice(0, 120), Array(120).fill("401 REFRESH_INVALID"));
  assertEquals(outcomes.slice(120), Array(5).fill("429 RATE_LIMITED"));
  assertEquals((await refresh(app, tokens.refreshToken)).status, 200);
});
