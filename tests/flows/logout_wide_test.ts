import { assertEquals } from "@std/assert";
import { countRows, takeSnapshot } from "../kit/database_snapshot.ts";
import { password, registerUser, startTestApp, type TestApp } from "../kit/app.ts";
import { outcome, readSession, refresh, rotate } from "../kit/sessions.ts";

// What is refused leaves a row in the audit trail and changes nothing beside it.
const beside = { except: ["audit_events"] };

interface Held {
  accessToken: string;
  refreshToken: string;
  sessionId: string;
}

const logout = (app: TestApp, body: Record<string, unknown>, bearer?: string) =>
  app.call("auth.logout", { body, bearer });

async function login(app: TestApp, identifier: string): Promise<Held> {
  return (await app.call("auth.login", { body: { identifier, password } })).data.tokens;
}

async function isAlive(app: TestApp, { accessToken, refreshToken }: Held): Promise<boolean> {
  const called = outcome(await app.call("auth.me", { bearer: accessToken }));
  const refreshed = outcome(await refresh(app, refreshToken));
  if (called === "200" && refreshed === "200") return true;
  assertEquals([called, refreshed], ["401 SESSION_REVOKED", "401 SESSION_REVOKED"]);
  return false;
}

/** A user with three sessions, and a stranger. */
async function startWithSessions() {
  const app = await startTestApp();
  const { username, user, tokens } = await registerUser(app);
  const [second, third] = [await login(app, username), await login(app, username)];
  const stranger = await registerUser(app);
  return { app, username, user, first: tokens, second, third, stranger: stranger.tokens };
}

Deno.test("a logout of the others ends every other session of the user and nobody else's", async () => {
  const { app, first, second, third, stranger } = await startWithSessions();
  await using _ = app;
  assertEquals((await logout(app, { scope: "others" }, first.accessToken)).data, { ok: true });
  const alive = [];
  for (const tokens of [first, second, third, stranger]) alive.push(await isAlive(app, tokens));
  assertEquals(alive, [true, false, false, true]);
  assertEquals(await countRows(app.database, "denylist"), 2);
});

Deno.test("a logout of the others leaves the epoch alone", async () => {
  const { app, user, first } = await startWithSessions();
  await using _ = app;
  await logout(app, { scope: "others" }, first.accessToken);
  const [row] = await app.database.sql`select token_epoch from users where id = ${user.id}`;
  assertEquals(row?.["token_epoch"], 0);
});

Deno.test("a logout of all ends every session of the user and nobody else's", async () => {
  const { app, first, second, third, stranger } = await startWithSessions();
  await using _ = app;
  assertEquals((await logout(app, { scope: "all" }, second.accessToken)).data, { ok: true });
  const alive = [];
  for (const tokens of [first, second, third, stranger]) alive.push(await isAlive(app, tokens));
  assertEquals(alive, [false, false, false, true]);
});

Deno.test("A-028: a login in the same second as a logout of all works, and the old tokens do not", async () => {
  const { app, username, first } = await startWithSessions();
  await using _ = app;
  await logout(app, { scope: "all" }, first.accessToken);
  const fresh = await login(app, username);
  assertEquals(await isAlive(app, first), false);
  assertEquals(await isAlive(app, fresh), true);
});

Deno.test("a logout of all is one denylist row, by epoch", async () => {
  const { app, user, first } = await startWithSessions();
  await using _ = app;
  await logout(app, { scope: "all" }, first.accessToken);
  const rows = await app.database.sql`select session_id, user_id, min_epoch from denylist`;
  assertEquals(Array.from(rows, (row) => ({ ...row })), [{
    session_id: null,
    user_id: user.id,
    min_epoch: 1,
  }]);
});

for (const scope of ["others", "all"]) {
  Deno.test(`a live refresh token alone may end ${scope}`, async () => {
    const { app, first, second } = await startWithSessions();
    await using _ = app;
    assertEquals((await logout(app, { scope, refreshToken: first.refreshToken })).status, 200);
    assertEquals(await isAlive(app, second), false);
  });

  Deno.test(`an expired bearer beside a live refresh token may end ${scope}`, async () => {
    const { app, first, second } = await startWithSessions();
    await using _ = app;
    await app.advance(3_600);
    const { status } = await logout(app, { scope, refreshToken: first.refreshToken }, first.accessToken);
    assertEquals(status, 200);
    assertEquals(outcome(await refresh(app, second.refreshToken)), "401 SESSION_REVOKED");
  });

  Deno.test(`nothing but a live token may end ${scope}`, async () => {
    const { app, first, second } = await startWithSessions();
    await using _ = app;
    await logout(app, {}, first.accessToken);
    await app.advance(3_600);
    const before = await takeSnapshot(app.database, beside);
    const answers = {
      expired: outcome(await logout(app, { scope }, second.accessToken)),
      revokedBearer: outcome(await logout(app, { scope }, first.accessToken)),
      revokedRefresh: outcome(await logout(app, { scope, refreshToken: first.refreshToken })),
      none: outcome(await logout(app, { scope })),
    };
    assertEquals(answers, {
      expired: "401 TOKEN_EXPIRED",
      revokedBearer: "401 SESSION_REVOKED",
      revokedRefresh: "401 SESSION_REVOKED",
      none: "401 TOKEN_MISSING",
    });
    assertEquals(await takeSnapshot(app.database, beside), before);
  });

  Deno.test(`a refresh token that was rotated away long ago does not end ${scope}`, async () => {
    const { app, first, second } = await startWithSessions();
    await using _ = app;
    await rotate(app, await rotate(app, first.refreshToken));
    const { status } = await logout(app, { scope, refreshToken: first.refreshToken });
    assertEquals(status, 401);
    assertEquals(await isAlive(app, second), true);
    assertEquals((await readSession(app, first.sessionId)).revoked_at, null);
  });
}

Deno.test("a session past its lifetime cannot end the others", async () => {
  await using app = await startTestApp({ refreshIdleTtlSeconds: 1_000 });
  const { username, tokens } = await registerUser(app);
  await app.advance(900);
  const other = await login(app, username);
  await app.advance(200);
  const answer = await logout(app, { scope: "others", refreshToken: tokens.refreshToken });
  assertEquals(outcome(answer), "401 REFRESH_EXPIRED");
  assertEquals((await refresh(app, other.refreshToken)).status, 200);
});
