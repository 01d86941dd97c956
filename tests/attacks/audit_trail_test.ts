import { assertEquals } from "@std/assert";
import type { RawAnswer } from "../kit/app.ts";
import { mutations } from "./browser.ts";
import { atOnce, attack, meOf, newAttemptId, refreshWith, type Scene } from "./kit.ts";
import { rotate, signIn } from "./sign_in.ts";
import { countAuditEvents, disableUser, lastAuditId, readAuditEvents, waitForAuditEvents } from "./state.ts";

/** Asserts that an attack leaves exactly one row: a failure of that reason, naming session and user. */
async function assertAudited(
  { app }: Scene,
  send: () => Promise<RawAnswer>,
  expected: { reason: string; sessionId: string; userId: string },
): Promise<void> {
  const { sql } = app.database;
  const [afterId, before] = [await lastAuditId(sql), await countAuditEvents(sql)];
  assertEquals((await send()).auth?.reason, expected.reason);
  await waitForAuditEvents(sql, before + 1);
  const rows = await readAuditEvents(sql, afterId);
  assertEquals(
    rows.map(({ ok, reason, session_id, user_id }) => ({
      ok,
      reason,
      sessionId: session_id,
      userId: user_id,
    })),
    [{ ok: false, ...expected }],
  );
}

attack("A-033: a thief who comes back to an ended session is in the audit trail", async (scene) => {
  const { app, advance, victim } = scene;
  const owned = await signIn(app, "victim");
  const stolen = await rotate(app, owned.refreshToken, newAttemptId());
  await advance(11);
  await refreshWith(app, owned.refreshToken);
  await assertAudited(scene, () => refreshWith(app, stolen.refreshToken), {
    reason: "SESSION_REVOKED",
    sessionId: owned.sessionId,
    userId: victim.user.id,
  });
});

attack("A-039: a refresh for a disabled account is in the audit trail", async (scene) => {
  const { user, tokens } = await scene.registerUser("mallory");
  await disableUser(scene.app.database.sql, user.id);
  await assertAudited(scene, () => refreshWith(scene.app, tokens.refreshToken), {
    reason: "SESSION_REVOKED",
    sessionId: tokens.sessionId,
    userId: user.id,
  });
});

attack("A-040: a refresh of an expired session is in the audit trail", async (scene) => {
  const { tokens, user } = scene.victim;
  await scene.advance(61);
  await assertAudited(scene, () => refreshWith(scene.app, tokens.refreshToken), {
    reason: "REFRESH_EXPIRED",
    sessionId: tokens.sessionId,
    userId: user.id,
  });
}, { refreshIdleTtlSeconds: 60 });

attack("A-027: a bearer of an ended session is in the audit trail", async (scene) => {
  const { app, other, victim } = scene;
  const tokens = await signIn(app, "victim");
  await app.call("auth.logout", { bearer: tokens.accessToken, body: {} });
  await assertAudited(scene, () => meOf(other, { tokens }), {
    reason: "SESSION_REVOKED",
    sessionId: tokens.sessionId,
    userId: victim.user.id,
  });
});

attack("A-027: a flood with one dead bearer fills no table", async (scene) => {
  const { app, victim } = scene;
  const { sql } = app.database;
  const tokens = await signIn(app, "victim");
  await app.call("auth.logout", { bearer: tokens.accessToken, body: {} });
  const [afterId, before] = [await lastAuditId(sql), await countAuditEvents(sql)];
  const answers = await atOnce(100, () => meOf(app, { tokens }));
  assertEquals(new Set(answers.map(({ auth }) => auth?.reason)), new Set(["SESSION_REVOKED"]));
  await waitForAuditEvents(sql, before + 1);
  const rows = await readAuditEvents(sql, afterId);
  assertEquals(rows.map(({ reason, user_id }) => [reason, user_id]), [["SESSION_REVOKED", victim.user.id]]);
});

attack("A-081: a logout with the tokens of two sessions is in the audit trail", async (scene) => {
  const { app, victim } = scene;
  const { user, tokens } = await scene.registerUser("mallory");
  const send = () =>
    app.call("auth.logout", {
      bearer: tokens.accessToken,
      body: { refreshToken: victim.tokens.refreshToken },
    });
  await assertAudited(scene, send, { reason: "FORBIDDEN", sessionId: tokens.sessionId, userId: user.id });
});

attack(
  "A-082: reaching for another user's session is in the audit trail, under the caller's name",
  async (scene) => {
    const { app, victim } = scene;
    const { user, tokens } = await scene.registerUser("mallory");
    const body = { sessionId: victim.tokens.sessionId };
    const send = () => app.call("auth.sessions.revoke", { bearer: tokens.accessToken, body });
    await assertAudited(scene, send, { reason: "NOT_FOUND", sessionId: tokens.sessionId, userId: user.id });
  },
);

attack(
  "A-105: a call that is refused before its procedure runs leaves one log line",
  async ({ app, refuses }) => {
    await refuses(
      Object.fromEntries(
        Object.keys(mutations).map((path) => [`GET ${path}`, () => app.call(path)] as const),
      ),
      { reason: "METHOD_NOT_ALLOWED" },
    );
    await refuses({
      "POST of a query": () => app.call("auth.me", { method: "POST" }),
    }, { reason: "METHOD_NOT_ALLOWED" });
    await refuses({
      "an unknown procedure": () => app.call("auth.nothing"),
      "one of the prototype": () => app.call("auth.constructor"),
    }, { reason: "NOT_FOUND" });
  },
);
