import { assert, assertEquals } from "@std/assert";
import { countRows, takeSnapshot } from "../kit/database_snapshot.ts";
import { password, registerUser, startTestApp, type TestApp } from "../kit/app.ts";
import { outcome, refresh } from "../kit/sessions.ts";

const login = async (app: TestApp, identifier: string, headers: Record<string, string> = {}) =>
  (await app.call("auth.login", { body: { identifier, password }, headers })).data.tokens;
const list = (app: TestApp, bearer: string) => app.call("auth.sessions.list", { bearer });
const revoke = (app: TestApp, sessionId: unknown, bearer: string) =>
  app.call("auth.sessions.revoke", { body: { sessionId }, bearer });

// What is refused leaves a row in the audit trail and changes nothing beside it.
const beside = { except: ["audit_events"] };

Deno.test("me tells the account, the session and the app's own claims, and nothing else", async () => {
  await using app = await startTestApp();
  const { user, tokens } = await registerUser(app);
  const { status, data } = await app.call("auth.me", { bearer: tokens.accessToken });
  assertEquals(status, 200);
  assertEquals(Object.keys(data).sort(), ["claims", "session", "user"]);
  assertEquals(data.user, user);
  assertEquals([data.session.id, data.session.current, data.session.amr], [tokens.sessionId, true, ["pwd"]]);
  assertEquals(data.claims, {});
});

Deno.test("me of a session whose row is gone is SESSION_REVOKED", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  await app.database.sql`delete from sessions`;
  assertEquals(outcome(await app.call("auth.me", { bearer: tokens.accessToken })), "401 SESSION_REVOKED");
});

Deno.test("R-26: a user sees exactly the live sessions of their own, the current one marked", async () => {
  await using app = await startTestApp();
  const { username, tokens: first } = await registerUser(app);
  await registerUser(app);
  const second = await login(app, username);
  const ended = await login(app, username);
  await app.call("auth.logout", { body: {}, bearer: ended.accessToken });
  const { data } = await list(app, second.accessToken);
  assertEquals(
    data.map((session: { id: string }) => session.id).sort(),
    [first.sessionId, second.sessionId].sort(),
  );
  const current = data.filter((session: { current: boolean }) => session.current);
  assertEquals(current.map((session: { id: string }) => session.id), [second.sessionId]);
});

Deno.test("A-085: a listed session has these fields and no hash, token or epoch", async () => {
  await using app = await startTestApp();
  const { username } = await registerUser(app);
  const tokens = await login(app, username, { "user-agent": "<script>alert(1)</script>" });
  const { data, text } = await list(app, tokens.accessToken);
  const session = data.find(({ current }: { current: boolean }) => current);
  assertEquals(Object.keys(session).sort(), [
    "amr",
    "authenticatedAt",
    "createdAt",
    "current",
    "expiresAt",
    "id",
    "ip",
    "lastUsedAt",
    "userAgent",
  ]);
  assertEquals([session.userAgent, session.ip], ["<script>alert(1)</script>", "127.0.0.1"]);
  assert(!/hash|epoch|generation|token/i.test(text));
});

Deno.test("sessions past their lifetime or below the epoch are not listed", async () => {
  await using app = await startTestApp({ refreshIdleTtlSeconds: 1_000 });
  const { username, tokens } = await registerUser(app);
  await app.advance(1_001);
  const second = await login(app, username);
  assertEquals((await list(app, second.accessToken)).data.length, 1);
  await app.call("auth.logout", { body: { scope: "all" }, bearer: second.accessToken });
  const third = await login(app, username);
  const { data } = await list(app, third.accessToken);
  assertEquals(data.map((session: { id: string }) => session.id), [third.sessionId]);
  assertEquals(outcome(await refresh(app, tokens.refreshToken)), "401 SESSION_REVOKED");
});

Deno.test("R-26: a user ends another session of their own, at once", async () => {
  await using app = await startTestApp();
  const { username, tokens } = await registerUser(app);
  const other = await login(app, username);
  assertEquals((await revoke(app, other.sessionId, tokens.accessToken)).data, { ok: true });
  assertEquals(outcome(await app.call("auth.me", { bearer: other.accessToken })), "401 SESSION_REVOKED");
  assertEquals(outcome(await refresh(app, other.refreshToken)), "401 SESSION_REVOKED");
  assertEquals((await app.call("auth.me", { bearer: tokens.accessToken })).status, 200);
});

Deno.test("ending a session again answers alike and denies it once", async () => {
  await using app = await startTestApp();
  const { username, tokens } = await registerUser(app);
  const other = await login(app, username);
  for (let i = 0; i < 2; i++) {
    assertEquals((await revoke(app, other.sessionId, tokens.accessToken)).status, 200);
  }
  assertEquals(await countRows(app.database, "denylist"), 1);
});

Deno.test("a session may end itself", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  assertEquals((await revoke(app, tokens.sessionId.toUpperCase(), tokens.accessToken)).status, 200);
  assertEquals(outcome(await app.call("auth.me", { bearer: tokens.accessToken })), "401 SESSION_REVOKED");
});

Deno.test("A-082: a stranger's session is 404 like one that does not exist, and stays", async () => {
  await using app = await startTestApp();
  const [mine, theirs] = [await registerUser(app), await registerUser(app)];
  const before = await takeSnapshot(app.database, beside);
  const masked = ({ status, text }: { status: number; text: string }) => [
    status,
    text.replace(/"requestId":"[^"]*"/, ""),
  ];
  const unknown = await revoke(app, crypto.randomUUID(), mine.tokens.accessToken);
  const foreign = await revoke(app, theirs.tokens.sessionId, mine.tokens.accessToken);
  assertEquals(outcome(unknown), "404 NOT_FOUND");
  assertEquals(masked(foreign), masked(unknown));
  assertEquals(await takeSnapshot(app.database, beside), before);
  assertEquals((await app.call("auth.me", { bearer: theirs.tokens.accessToken })).status, 200);
});

Deno.test("a session id of any UUID version is well-formed, and anything else is 400", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  const wellFormed = [
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "c232ab00-9414-11ec-b3c8-9f6bdeced846",
    "01890a5d-ac96-774b-bcce-b302099a8057",
  ];
  for (const id of wellFormed) {
    assertEquals([id, outcome(await revoke(app, id, tokens.accessToken))], [id, "404 NOT_FOUND"]);
  }
  const broken = [
    "",
    "1",
    "not-a-uuid",
    `${tokens.sessionId} `,
    tokens.sessionId.replaceAll("-", ""),
    5,
    null,
    {},
  ];
  for (const id of broken) {
    const answer = await revoke(app, id, tokens.accessToken);
    assertEquals([id, outcome(answer), answer.auth?.executed], [id, "400 INPUT_INVALID", false]);
  }
});

Deno.test("R-28: the 51st sign-in ends the oldest session, and fifty live on", async () => {
  await using app = await startTestApp();
  const { username, tokens: oldest } = await registerUser(app);
  let newest = oldest;
  for (let i = 0; i < 49; i++) newest = await login(app, username);
  assertEquals((await app.call("auth.me", { bearer: oldest.accessToken })).status, 200);
  newest = await login(app, username);
  assertEquals(outcome(await app.call("auth.me", { bearer: oldest.accessToken })), "401 SESSION_REVOKED");
  assertEquals(outcome(await refresh(app, oldest.refreshToken)), "401 SESSION_REVOKED");
  assertEquals((await list(app, newest.accessToken)).data.length, 50);
});
