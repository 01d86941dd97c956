import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { countRows, takeSnapshot } from "../kit/database_snapshot.ts";
import { decodeToken } from "../kit/jwt.ts";
import { password, type RawAnswer, registerUser, startTestApp, type TestApp } from "../kit/app.ts";

const login = (app: TestApp, identifier: string, typed: string, headers: Record<string, string> = {}) =>
  app.call("auth.login", { body: { identifier, password: typed }, headers });

/** What an outsider can compare: everything but the ids that are fresh in each answer. */
function visible({ status, headers, text }: RawAnswer) {
  const names = [...headers].filter(([name]) => !["date", "x-request-id"].includes(name));
  return { status, headers: names, body: text.replace(/"requestId":"[^"]*"/, "") };
}

Deno.test("the right password opens a new session", async () => {
  await using app = await startTestApp();
  const { username, user, tokens } = await registerUser(app);
  const { status, data } = await login(app, username, password);
  assertEquals([status, data.status, data.user.id], [200, "signed_in", user.id]);
  assertNotEquals(data.tokens.sessionId, tokens.sessionId);
  assertNotEquals(data.tokens.refreshToken, tokens.refreshToken);
  assertEquals(await countRows(app.database, "sessions"), 2);
});

Deno.test("the answer to a login says when things end, relative to the server's own time", async () => {
  await using app = await startTestApp();
  const { username } = await registerUser(app);
  const { data: { tokens } } = await login(app, username, password);
  const { claims } = decodeToken(tokens.accessToken);
  assertEquals(tokens.expiresInSeconds, Number(claims["exp"]) - Number(claims["iat"]));
  assert(tokens.expiresInSeconds >= 570 && tokens.expiresInSeconds <= 600);
  assert(tokens.refreshExpiresInSeconds >= 2_591_999 && tokens.refreshExpiresInSeconds <= 2_592_000);
  assertEquals(Math.floor(Date.parse(tokens.serverTime) / 1_000), claims["iat"]);
  assertEquals(Object.keys(tokens).sort(), [
    "accessToken",
    "expiresInSeconds",
    "generation",
    "refreshExpiresInSeconds",
    "refreshToken",
    "serverTime",
    "sessionId",
    "tokenType",
  ]);
});

Deno.test("R-12: wrong, unknown and disabled are one answer: status, headers and body", async () => {
  await using app = await startTestApp();
  const { username } = await registerUser(app);
  const disabled = await registerUser(app);
  await app.database.sql`update users set disabled_at = now() where id = ${disabled.user.id}`;
  const wrong = await login(app, username, "wrong horse battery");
  assertEquals([wrong.status, wrong.auth], [401, { reason: "INVALID_CREDENTIALS", executed: true }]);
  const others = [
    await login(app, "nobody", password),
    await login(app, "nobody@example.com", password),
    await login(app, disabled.username, password),
    await login(app, disabled.username, "wrong horse battery"),
    await login(app, "nul\0byte", password),
    await login(app, "lone \ud800 surrogate", password),
    await login(app, "' or 1=1 --", password),
  ];
  for (const other of others) assertEquals(visible(other), visible(wrong));
});

Deno.test("A-071: a disabled account opens no session with the right password", async () => {
  await using app = await startTestApp();
  const { username, user } = await registerUser(app);
  await app.database.sql`update users set disabled_at = now() where id = ${user.id}`;
  const before = await takeSnapshot(app.database, { except: ["audit_events"] });
  assertEquals((await login(app, username, password)).status, 401);
  assertEquals(await takeSnapshot(app.database, { except: ["audit_events"] }), before);
});

Deno.test("an account without a password cannot be entered by one", async () => {
  await using app = await startTestApp();
  const { username, user } = await registerUser(app);
  await app.database.sql`update users set password_hash = null where id = ${user.id}`;
  assertEquals((await login(app, username, password)).auth?.reason, "INVALID_CREDENTIALS");
});

Deno.test("R-95: a failed login of a known account is in its audit trail, by reason and request id", async () => {
  await using app = await startTestApp();
  const { username, user } = await registerUser(app);
  const { headers } = await login(app, username, "wrong horse battery");
  const rows = await app.database.sql`
    select event, ok, reason, user_id, request_id from audit_events where not ok`;
  assertEquals(Array.from(rows, (row) => ({ ...row })), [{
    event: "login",
    ok: false,
    reason: "INVALID_CREDENTIALS",
    user_id: user.id,
    request_id: headers.get("x-request-id"),
  }]);
});

Deno.test("R-94: no log line of register, login and refresh holds a password, a token or an identifier", async () => {
  await using app = await startTestApp();
  const { username, tokens } = await registerUser(app);
  await login(app, username, "wrong horse battery");
  await login(app, username, password);
  await app.call("auth.refresh", { body: { refreshToken: tokens.refreshToken } });
  await app.call("auth.refresh", { body: { refreshToken: "not a token of ours" } });
  const secrets = [
    password,
    "wrong horse battery",
    tokens.accessToken,
    tokens.refreshToken,
    username,
    "not a token",
  ];
  assert(app.logs.length > 0);
  assertEquals(secrets.filter((secret) => app.logs.some((line) => line.includes(secret))), []);
});

Deno.test("the user agent of a login is kept without control characters and cut to 256", async () => {
  await using app = await startTestApp();
  const { username } = await registerUser(app);
  const { data } = await login(app, username, password, { "user-agent": `curl\t${"x".repeat(400)}` });
  const [row] = await app.database.sql`select user_agent from sessions where id = ${data.tokens.sessionId}`;
  assertEquals(row?.["user_agent"], `curl ${"x".repeat(251)}`);
});

Deno.test("a stale bearer neither helps nor hinders a login", async () => {
  await using app = await startTestApp();
  const { username, tokens } = await registerUser(app);
  await app.call("auth.logout", { body: {}, bearer: tokens.accessToken });
  const headers = { authorization: `Bearer ${tokens.accessToken}` };
  assertEquals((await login(app, username, password, headers)).status, 200);
  assertEquals((await login(app, username, password, { authorization: "Bearer garbage" })).status, 200);
});
