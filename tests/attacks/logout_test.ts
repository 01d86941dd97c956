import { assertEquals } from "@std/assert";
import type postgres from "postgres";
import { atOnce, attack, meOf, newAttemptId, refreshWith, type Scene } from "./kit.ts";
import { rotate, signIn } from "./sign_in.ts";
import { countAuditEvents, lastAuditId, readAuditEvents, readFingerprint, readSession } from "./state.ts";

const ACCESS_SECONDS = 600;

async function countDenied(sql: postgres.Sql, sessionId: string): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from denylist where session_id = ${sessionId}`;
  return row?.count ?? 0;
}

/** Asserts that a session was ended once: one row on the denylist, one in the audit trail. */
async function assertEndedOnce({ app, other }: Scene, tokens: Tokens, afterId: string): Promise<void> {
  const { sql } = app.database;
  assertEquals((await readSession(sql, tokens.sessionId)).revoke_reason, "logout");
  assertEquals(await countDenied(sql, tokens.sessionId), 1);
  const events = await readAuditEvents(sql, afterId);
  assertEquals(events.map(({ event, ok, session_id }) => [event, ok, session_id]), [
    ["logout this", true, tokens.sessionId],
  ]);
  for (const instance of [app, other]) {
    assertEquals((await refreshWith(instance, tokens.refreshToken)).auth?.reason, "SESSION_REVOKED");
  }
}

type Tokens = Awaited<ReturnType<typeof signIn>>;

attack(
  "A-080: a logout may be sent twice, or twenty times at once, and ends the session once",
  async (scene) => {
    const { app, other } = scene;
    const tokens = await signIn(app, "victim");
    const afterId = await lastAuditId(app.database.sql);
    const answers = await atOnce(
      20,
      (i) => [app, other][i % 2]!.call("auth.logout", { bearer: tokens.accessToken, body: {} }),
    );
    for (const { status, data } of answers) {
      assertEquals([status, data], [200, { ok: true }]);
    }
    const fingerprint = await readFingerprint(app.database.sql);
    const again = await other.call("auth.logout", { bearer: tokens.accessToken, body: { scope: "this" } });
    assertEquals([again.status, again.data], [200, { ok: true }]);
    assertEquals(await readFingerprint(app.database.sql), fingerprint);
    await assertEndedOnce(scene, tokens, afterId);
    assertEquals((await meOf(app, scene.victim)).status, 200);
  },
);

attack("A-080: an expired access token still ends its own session", async (scene) => {
  const { app, advance, victim } = scene;
  await advance(ACCESS_SECONDS + 60);
  const afterId = await lastAuditId(app.database.sql);
  for (let i = 0; i < 2; i++) {
    const answer = await app.call("auth.logout", { bearer: victim.tokens.accessToken, body: {} });
    assertEquals([answer.status, answer.data], [200, { ok: true }]);
  }
  await assertEndedOnce(scene, victim.tokens, afterId);
});

attack("A-080: a refresh token alone ends its session, current or used", async (scene) => {
  for (const which of ["current", "used", "older"] as const) {
    const first = await signIn(scene.app, "victim");
    const second = await rotate(scene.app, first.refreshToken, newAttemptId());
    const third = which === "older" ? await rotate(scene.app, second.refreshToken, newAttemptId()) : second;
    const refreshToken = which === "current" ? third.refreshToken : first.refreshToken;
    const afterId = await lastAuditId(scene.app.database.sql);
    for (let i = 0; i < 2; i++) {
      const answer = await scene.app.call("auth.logout", { body: { refreshToken } });
      assertEquals([answer.status, answer.data], [200, { ok: true }], which);
    }
    await assertEndedOnce(scene, third, afterId);
    await scene.refusesBearers({ [which]: third.accessToken }, { reason: "SESSION_REVOKED", audit: "any" });
  }
});

attack("A-080: both tokens of one session end it; a logout without input does too", async (scene) => {
  const { app } = scene;
  const both = await signIn(app, "victim");
  const { accessToken: bearer, refreshToken } = both;
  const afterId = await lastAuditId(app.database.sql);
  assertEquals((await app.call("auth.logout", { bearer, body: { refreshToken } })).status, 200);
  await assertEndedOnce(scene, both, afterId);
  const bare = await signIn(app, "victim");
  const bareAfterId = await lastAuditId(app.database.sql);
  assertEquals((await app.call("auth.logout", { bearer: bare.accessToken, method: "POST" })).status, 200);
  await assertEndedOnce(scene, bare, bareAfterId);
});

attack("A-080: a logout without any token is refused", async ({ app, refuses }) => {
  await refuses({
    "no scope": () => app.call("auth.logout", { body: {} }),
    "this": () => app.call("auth.logout", { body: { scope: "this" } }),
    "others": () => app.call("auth.logout", { body: { scope: "others" } }),
    "all": () => app.call("auth.logout", { body: { scope: "all" } }),
  }, { reason: "TOKEN_MISSING" });
});

attack("A-080: others and all are refused to a token that is not live", async (scene) => {
  const { app, advance, refuses, victim } = scene;
  const ended = await signIn(app, "victim");
  await app.call("auth.logout", { bearer: ended.accessToken, body: {} });
  const rotatedFrom = await signIn(app, "victim");
  const middle = await rotate(app, rotatedFrom.refreshToken, newAttemptId());
  await rotate(app, middle.refreshToken, newAttemptId());
  for (const scope of ["others", "all"]) {
    await refuses({
      [`${scope}, revoked bearer`]: () =>
        app.call("auth.logout", { bearer: ended.accessToken, body: { scope } }),
      [`${scope}, revoked refresh token`]: () =>
        app.call("auth.logout", { body: { scope, refreshToken: ended.refreshToken } }),
    }, { reason: "SESSION_REVOKED", audit: "any" });
    await refuses({
      [`${scope}, an older refresh token`]: () =>
        app.call("auth.logout", { body: { scope, refreshToken: rotatedFrom.refreshToken } }),
    }, { reason: "REFRESH_INVALID", audit: "any" });
  }
  await advance(ACCESS_SECONDS + 60);
  for (const scope of ["others", "all"]) {
    await refuses({
      [`${scope}, expired bearer`]: () =>
        app.call("auth.logout", { bearer: victim.tokens.accessToken, body: { scope } }),
    }, { reason: "TOKEN_EXPIRED", audit: "any", victimLives: false });
  }
  assertEquals((await refreshWith(app, victim.tokens.refreshToken)).status, 200);
});

attack("A-081: a bearer and a refresh token of different sessions end neither", async (scene) => {
  const { app, refuses, victim } = scene;
  const attacker = await scene.registerUser("mallory");
  const second = await signIn(app, "mallory");
  for (const scope of ["this", "others", "all"]) {
    await refuses({
      "the victim's refresh token": () =>
        app.call("auth.logout", {
          bearer: attacker.tokens.accessToken,
          body: { scope, refreshToken: victim.tokens.refreshToken },
        }),
      "the victim's bearer": () =>
        app.call("auth.logout", {
          bearer: victim.tokens.accessToken,
          body: { scope, refreshToken: attacker.tokens.refreshToken },
        }),
      "two sessions of one user": () =>
        app.call("auth.logout", {
          bearer: attacker.tokens.accessToken,
          body: { scope, refreshToken: second.refreshToken },
        }),
    }, { reason: "FORBIDDEN", audit: "any" });
  }
  for (const { refreshToken } of [victim.tokens, attacker.tokens, second]) {
    assertEquals((await refreshWith(app, refreshToken)).status, 200);
  }
});

attack(
  "A-081: a logout takes no session id, and no token that is broken beside one that is right",
  async (scene) => {
    const { app, refuses, victim } = scene;
    const { tokens: { accessToken: bearer, refreshToken } } = await scene.registerUser("mallory");
    const { sessionId } = victim.tokens;
    await refuses({
      "sessionId": () => app.call("auth.logout", { bearer, body: { sessionId } }),
      "sid": () => app.call("auth.logout", { bearer, body: { sid: sessionId } }),
      "userId": () => app.call("auth.logout", { bearer, body: { scope: "all", userId: victim.user.id } }),
      "another scope": () => app.call("auth.logout", { bearer, body: { scope: "everyone" } }),
      "a list of scopes": () => app.call("auth.logout", { bearer, body: { scope: ["all"] } }),
      "a list of tokens": () => app.call("auth.logout", { bearer, body: { refreshToken: [refreshToken] } }),
    }, { reason: "INPUT_INVALID" });
    await refuses({
      "a broken refresh token": () =>
        app.call("auth.logout", { bearer, body: { refreshToken: `${refreshToken}A` } }),
      "an access token as one": () => app.call("auth.logout", { bearer, body: { refreshToken: bearer } }),
    }, { reason: "REFRESH_INVALID" });
    await refuses({
      "a broken bearer": () => app.call("auth.logout", { bearer: `${bearer}A`, body: { refreshToken } }),
    }, { reason: "TOKEN_INVALID" });
    assertEquals((await refreshWith(app, refreshToken)).status, 200);
  },
);

attack(
  "A-083: a logout of all or others is one row in the audit trail, and touches nobody else",
  async (scene) => {
    const { app, victim } = scene;
    for (const scope of ["others", "all"]) {
      const mallory = await scene.registerUser();
      await signIn(app, mallory.username);
      const afterId = await lastAuditId(app.database.sql);
      const count = await countAuditEvents(app.database.sql);
      assertEquals(
        (await app.call("auth.logout", { bearer: mallory.tokens.accessToken, body: { scope } })).status,
        200,
      );
      const [event] = await readAuditEvents(app.database.sql, afterId);
      assertEquals([event?.event, event?.user_id], [`logout ${scope}`, mallory.user.id]);
      assertEquals(await countAuditEvents(app.database.sql), count + 1);
      assertEquals((await meOf(app, victim)).status, 200);
    }
  },
);
