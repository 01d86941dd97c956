import { assertEquals } from "@std/assert";
import { password, registerUser, startTestApp } from "../kit/app.ts";
import { outcome, refresh } from "../kit/sessions.ts";

Deno.test("a token of one instance is good on the other", async () => {
  await using app = await startTestApp();
  const other = await app.startInstance();
  const { tokens } = await registerUser(app);
  assertEquals((await other.call("auth.me", { bearer: tokens.accessToken })).status, 200);
  assertEquals((await refresh(other, tokens.refreshToken)).data.generation, 1);
});

Deno.test("R-23: a logout on one instance is refused on the very next call to the other", async () => {
  await using app = await startTestApp();
  const other = await app.startInstance();
  for (let round = 0; round < 20; round++) {
    const { tokens } = await registerUser(app);
    assertEquals((await other.call("auth.me", { bearer: tokens.accessToken })).status, 200);
    await app.call("auth.logout", { body: {}, bearer: tokens.accessToken });
    assertEquals(outcome(await other.call("auth.me", { bearer: tokens.accessToken })), "401 SESSION_REVOKED");
    assertEquals(outcome(await refresh(other, tokens.refreshToken)), "401 SESSION_REVOKED");
  }
});

Deno.test("R-23: a logout of all on one instance is refused on the very next call to the other", async () => {
  await using app = await startTestApp();
  const other = await app.startInstance();
  const { username, tokens } = await registerUser(app);
  const { data } = await other.call("auth.login", { body: { identifier: username, password } });
  await app.call("auth.logout", { body: { scope: "all" }, bearer: tokens.accessToken });
  for (const bearer of [tokens.accessToken, data.tokens.accessToken]) {
    assertEquals(outcome(await other.call("auth.me", { bearer })), "401 SESSION_REVOKED");
  }
});

Deno.test("A-030: reuse seen by one instance ends the session on the other", async () => {
  await using app = await startTestApp();
  const other = await app.startInstance();
  const { tokens } = await registerUser(app);
  const { data } = await refresh(app, tokens.refreshToken);
  await app.advance(11);
  assertEquals(outcome(await refresh(app, tokens.refreshToken)), "401 REFRESH_REUSED");
  assertEquals(outcome(await other.call("auth.me", { bearer: data.accessToken })), "401 SESSION_REVOKED");
  assertEquals(outcome(await refresh(other, data.refreshToken)), "401 SESSION_REVOKED");
});

Deno.test("instances share their signing keys", async () => {
  await using app = await startTestApp();
  const other = await app.startInstance();
  const keys = await Promise.all([app, other].map((one) => one.call("/.well-known/jwks.json")));
  assertEquals(keys[0]?.text, keys[1]?.text);
});
