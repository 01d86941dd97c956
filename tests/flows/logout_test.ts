import { assertEquals } from "@std/assert";
import { countRows, takeSnapshot } from "../kit/database_snapshot.ts";
import { password, registerUser, startTestApp, type TestApp } from "../kit/app.ts";
import { outcome, readSession, refresh, rotate } from "../kit/sessions.ts";

const logout = (
  app: TestApp,
  { bearer, ...body }: { bearer?: string; refreshToken?: string; scope?: string } = {},
) => app.call("auth.logout", { body, bearer });

async function assertEnded(app: TestApp, tokens: { accessToken: string; refreshToken: string }) {
  assertEquals(outcome(await app.call("auth.me", { bearer: tokens.accessToken })), "401 SESSION_REVOKED");
  assertEquals(outcome(await refresh(app, tokens.refreshToken)), "401 SESSION_REVOKED");
}

for (
  const [by, pick] of [
    ["bearer", ({ accessToken }) => ({ bearer: accessToken })],
    ["refresh token", ({ refreshToken }) => ({ refreshToken })],
    ["bearer and refresh token", ({ accessToken, refreshToken }) => ({ bearer: accessToken, refreshToken })],
  ] satisfies [
    string,
    (tokens: { accessToken: string; refreshToken: string }) => Parameters<typeof logout>[1],
  ][]
) {
  Deno.test(`R-23: after a logout by ${by} neither token works any more`, async () => {
    await using app = await startTestApp();
    const { tokens } = await registerUser(app);
    const { status, data } = await logout(app, pick(tokens));
    assertEquals([status, data], [200, { ok: true }]);
    await assertEnded(app, tokens);
  });

  Deno.test(`A-080: a second logout by ${by} is answered like the first and changes nothing`, async () => {
    await using app = await startTestApp();
    const { tokens } = await registerUser(app);
    await logout(app, pick(tokens));
    const before = await takeSnapshot(app.database, beside);
    const { status, data } = await logout(app, pick(tokens));
    assertEquals([status, data], [200, { ok: true }]);
    assertEquals(await takeSnapshot(app.database, beside), before);
    assertEquals(await countRows(app.database, "denylist"), 1);
  });
}

// What is refused leaves a row in the audit trail and changes nothing beside it.
const beside = { except: ["audit_events"] };

Deno.test("A-080: an access token that has expired still ends its own session", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  await app.advance(3_600);
  assertEquals((await logout(app, { bearer: tokens.accessToken })).status, 200);
  assertEquals(outcome(await refresh(app, tokens.refreshToken)), "401 SESSION_REVOKED");
});

Deno.test("A-080: a refresh token of a session past its lifetime is still answered 200", async () => {
  await using app = await startTestApp({ refreshIdleTtlSeconds: 100 });
  const { tokens } = await registerUser(app);
  await app.advance(200);
  assertEquals((await logout(app, { refreshToken: tokens.refreshToken })).status, 200);
});

Deno.test("A-080: a refresh token that was rotated away still ends its session, and is not called theft", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  const current = await rotate(app, await rotate(app, tokens.refreshToken));
  await app.advance(3_600);
  assertEquals((await logout(app, { refreshToken: tokens.refreshToken })).status, 200);
  assertEquals((await readSession(app, tokens.sessionId)).revoke_reason, "logout");
  assertEquals(outcome(await refresh(app, current)), "401 SESSION_REVOKED");
});

Deno.test("genuine tokens of a user who is gone are answered 200", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  await app.database.sql`delete from users`;
  assertEquals((await logout(app, { bearer: tokens.accessToken })).status, 200);
  assertEquals((await logout(app, { refreshToken: tokens.refreshToken })).status, 200);
});

Deno.test("a logout without a body ends the session of the bearer", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  const { status } = await app.call("auth.logout", { method: "POST", bearer: tokens.accessToken });
  assertEquals(status, 200);
  await assertEnded(app, tokens);
});

Deno.test("a logout of this session leaves the user's others alone", async () => {
  await using app = await startTestApp();
  const { username, tokens } = await registerUser(app);
  const { data } = await app.call("auth.login", { body: { identifier: username, password } });
  await logout(app, { bearer: tokens.accessToken });
  assertEquals((await app.call("auth.me", { bearer: data.tokens.accessToken })).status, 200);
});

Deno.test("a logout is in the audit trail once", async () => {
  await using app = await startTestApp();
  const { user, tokens } = await registerUser(app);
  for (let i = 0; i < 3; i++) await logout(app, { bearer: tokens.accessToken });
  const rows = await app.database
    .sql`select user_id, session_id from audit_events where event like 'logout%'`;
  assertEquals(Array.from(rows, (row) => ({ ...row })), [{ user_id: user.id, session_id: tokens.sessionId }]);
});

Deno.test("20 parallel logouts of one session all answer 200 and deny it once", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => logout(app, { bearer: tokens.accessToken })),
  );
  assertEquals(answers.map(({ status }) => status), Array(20).fill(200));
  assertEquals(await countRows(app.database, "denylist"), 1);
});

Deno.test("a logout without any token is TOKEN_MISSING", async () => {
  await using app = await startTestApp();
  const answer = await logout(app);
  assertEquals([outcome(answer), answer.auth?.executed], ["401 TOKEN_MISSING", false]);
});

Deno.test("A-081: a bearer and a refresh token of different sessions are FORBIDDEN and end neither", async () => {
  await using app = await startTestApp();
  const [one, other] = [await registerUser(app), await registerUser(app)];
  const before = await takeSnapshot(app.database, beside);
  for (const scope of ["this", "others", "all"]) {
    const answer = await logout(app, {
      scope,
      bearer: one.tokens.accessToken,
      refreshToken: other.tokens.refreshToken,
    });
    assertEquals([scope, outcome(answer), answer.auth?.executed], [scope, "403 FORBIDDEN", false]);
  }
  assertEquals(await takeSnapshot(app.database, beside), before);
});

Deno.test("forged tokens end nothing: a bearer is TOKEN_INVALID, a refresh token REFRESH_INVALID", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  const before = await takeSnapshot(app.database, beside);
  assertEquals(outcome(await logout(app, { bearer: `${tokens.accessToken}x` })), "401 TOKEN_INVALID");
  assertEquals(outcome(await logout(app, { refreshToken: "garbage" })), "401 REFRESH_INVALID");
  assertEquals(
    outcome(await logout(app, { bearer: tokens.accessToken, refreshToken: "garbage" })),
    "401 REFRESH_INVALID",
  );
  assertEquals(await takeSnapshot(app.database, beside), before);
});
