import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { countRows, takeSnapshot } from "../kit/database_snapshot.ts";
import { decodeToken } from "../kit/jwt.ts";
import { registerUser, startTestApp } from "../kit/app.ts";
import { makeAttemptId, outcome, readSession, refresh, rotate } from "../kit/sessions.ts";

// What is refused leaves a row in the audit trail and changes nothing beside it.
const beside = { except: ["audit_events"] };

Deno.test("a refresh gives the one successor of a token and a fresh access token", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  await app.advance(700);
  const { status, data } = await refresh(app, tokens.refreshToken);
  assertEquals([status, data.sessionId, data.generation], [200, tokens.sessionId, 1]);
  assertNotEquals(data.refreshToken, tokens.refreshToken);
  assertNotEquals(decodeToken(data.accessToken).claims["jti"], decodeToken(tokens.accessToken).claims["jti"]);
  assertEquals((await app.call("auth.me", { bearer: data.accessToken })).status, 200);
});

Deno.test("generations rise by one with each refresh, and every successor differs", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  const seen = new Set([tokens.refreshToken]);
  let token = tokens.refreshToken;
  for (let generation = 1; generation <= 5; generation++) {
    const { data } = await refresh(app, token);
    assertEquals(data.generation, generation);
    token = data.refreshToken;
    seen.add(token);
  }
  assertEquals(seen.size, 6);
});

Deno.test("row 1: a token whose shape or tag is not ours is REFRESH_INVALID and touches nothing", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  const before = await takeSnapshot(app.database, beside);
  const flipped = (tokens.refreshToken[0] === "B" ? "A" : "B") + tokens.refreshToken.slice(1);
  const forged = [
    "",
    "garbage",
    flipped,
    `${tokens.refreshToken}A`,
    tokens.refreshToken.slice(0, -1),
    ` ${tokens.refreshToken}`,
    `${tokens.refreshToken}=`,
    tokens.accessToken,
    "A".repeat(92),
    "A".repeat(4_096),
    "\0",
  ];
  for (const token of forged) {
    const { status, auth } = await refresh(app, token);
    assertEquals([token, status, auth], [token, 401, { reason: "REFRESH_INVALID", executed: false }]);
  }
  assertEquals(await takeSnapshot(app.database, beside), before);
});

Deno.test("row 1: no refresh token at all is REFRESH_INVALID, with a body or without", async () => {
  await using app = await startTestApp();
  assertEquals(outcome(await app.call("auth.refresh", { body: {} })), "401 REFRESH_INVALID");
  assertEquals(outcome(await app.call("auth.refresh", { method: "POST" })), "401 REFRESH_INVALID");
});

Deno.test("row 2: a genuine token of a session that is not there is REFRESH_INVALID", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  await app.database.sql`delete from sessions`;
  assertEquals(outcome(await refresh(app, tokens.refreshToken)), "401 REFRESH_INVALID");
});

for (
  const [what, change] of [
    ["was revoked", "update sessions set revoked_at = now(), revoke_reason = 'test'"],
    ["belongs to a disabled user", "update users set disabled_at = now()"],
    ["has an epoch that is too old", "update users set token_epoch = token_epoch + 1"],
  ] as const
) {
  Deno.test(`row 3: a session that ${what} is SESSION_REVOKED, before anything else is looked at`, async () => {
    await using app = await startTestApp({ refreshIdleTtlSeconds: 1_000 });
    const { tokens } = await registerUser(app);
    const successor = await rotate(app, tokens.refreshToken);
    await app.database.sql.unsafe(change);
    await app.advance(2_000);
    const before = await takeSnapshot(app.database, beside);
    assertEquals(outcome(await refresh(app, successor)), "401 SESSION_REVOKED");
    assertEquals(outcome(await refresh(app, tokens.refreshToken)), "401 SESSION_REVOKED");
    assertEquals(await takeSnapshot(app.database, beside), before);
  });
}

Deno.test("row 4: a session past its idle lifetime is REFRESH_EXPIRED, even for a token that was used", async () => {
  await using app = await startTestApp({ refreshIdleTtlSeconds: 1_000 });
  const { tokens } = await registerUser(app);
  const successor = await rotate(app, tokens.refreshToken);
  await app.advance(1_001);
  const before = await takeSnapshot(app.database, beside);
  assertEquals(outcome(await refresh(app, successor)), "401 REFRESH_EXPIRED");
  assertEquals(outcome(await refresh(app, tokens.refreshToken)), "401 REFRESH_EXPIRED");
  assertEquals(await takeSnapshot(app.database, beside), before);
});

Deno.test("row 5: a token ahead of a database that lost commits is REFRESH_EXPIRED and never theft", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  await app.database.sql`create table kept as select * from sessions`;
  const ahead = await rotate(app, await rotate(app, tokens.refreshToken));
  await app.database.sql`delete from sessions`;
  await app.database.sql`insert into sessions select * from kept`;
  const before = await takeSnapshot(app.database, beside);
  assertEquals(outcome(await refresh(app, ahead)), "401 REFRESH_EXPIRED");
  assertEquals(await takeSnapshot(app.database, beside), before);
  assertEquals((await refresh(app, tokens.refreshToken)).status, 200);
});

Deno.test("row 5: a token of the present generation with another hash is REFRESH_EXPIRED and never theft", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  await app.database.sql`update sessions set current_hash = sha256('another')`;
  assertEquals(outcome(await refresh(app, tokens.refreshToken)), "401 REFRESH_EXPIRED");
  assertEquals((await readSession(app, tokens.sessionId)).revoked_at, null);
});

Deno.test("row 6: the previous token within the leeway gets the same successor, and only a date moves", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  const successor = await rotate(app, tokens.refreshToken, makeAttemptId());
  const before = await readSession(app, tokens.sessionId);
  await app.advance(4);
  const again = await refresh(app, tokens.refreshToken, makeAttemptId());
  assertEquals([again.data.refreshToken, again.data.generation], [successor, 1]);
  const after = await readSession(app, tokens.sessionId);
  assert(after.last_access_expires_at > before.last_access_expires_at);
  assertEquals({ ...after, last_access_expires_at: null }, { ...before, last_access_expires_at: null });
  assertEquals((await refresh(app, successor)).data.generation, 2);
});

Deno.test("row 7: the previous token after the leeway is REFRESH_REUSED and ends the session", async () => {
  await using app = await startTestApp();
  const { user, tokens } = await registerUser(app);
  const { data: thief } = await refresh(app, tokens.refreshToken, makeAttemptId());
  await app.advance(11);
  const victim = await refresh(app, tokens.refreshToken, makeAttemptId());
  assertEquals([outcome(victim), victim.auth?.executed], ["401 REFRESH_REUSED", true]);
  assertEquals((await readSession(app, tokens.sessionId)).revoke_reason, "reuse");
  assertEquals(outcome(await refresh(app, thief.refreshToken)), "401 SESSION_REVOKED");
  for (const bearer of [tokens.accessToken, thief.accessToken]) {
    assertEquals(outcome(await app.call("auth.me", { bearer })), "401 SESSION_REVOKED");
  }
  const denied = await app.database.sql`select session_id from denylist`;
  assertEquals(denied.map((row) => row["session_id"]), [tokens.sessionId]);
  const audited = await app.database.sql`select user_id from audit_events where reason = 'REFRESH_REUSED'`;
  assertEquals(audited.map((row) => row["user_id"]), [user.id]);
  assertEquals(await countRows(app.database, "outbox"), 1);
});

Deno.test("A-031: the token before the previous one is REFRESH_REUSED, however young it is", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  const attempt = makeAttemptId();
  const second = await rotate(app, tokens.refreshToken, attempt);
  await rotate(app, second);
  assertEquals(outcome(await refresh(app, tokens.refreshToken, attempt)), "401 REFRESH_REUSED");
});

Deno.test("reuse ends one session and leaves the user's others alone", async () => {
  await using app = await startTestApp();
  const { username, tokens } = await registerUser(app);
  const { data } = await app.call("auth.login", {
    body: { identifier: username, password: "correct horse battery" },
  });
  await rotate(app, await rotate(app, tokens.refreshToken));
  assertEquals(outcome(await refresh(app, tokens.refreshToken)), "401 REFRESH_REUSED");
  assertEquals((await refresh(app, data.tokens.refreshToken)).status, 200);
});

Deno.test("the database never holds a refresh token, only SHA-256 of the current and the previous one", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  const successor = await rotate(app, tokens.refreshToken);
  const hash = async (text: string) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  const row = await readSession(app, tokens.sessionId);
  assertEquals(new Uint8Array(row.current_hash), await hash(successor));
  assertEquals(new Uint8Array(row.previous_hash ?? []), await hash(tokens.refreshToken));
});
