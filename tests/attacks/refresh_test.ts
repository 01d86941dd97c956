import { assertEquals } from "@std/assert";
import { attack, meOf, newAttemptId, refreshWith, type Scene } from "./kit.ts";
import { rotate, signIn } from "./sign_in.ts";
import { lastAuditId, readAuditEvents, readSession } from "./state.ts";

const LEEWAY_SECONDS = 10;

/** Asserts that a session was ended as stolen, everywhere, in one transaction, and that its user was told. */
async function assertEndedAsStolen(scene: Scene, sessionId: string, tokens: string[], afterId: string) {
  const { sql } = scene.app.database;
  assertEquals((await readSession(sql, sessionId)).revoke_reason, "reuse");
  const traces = await sql<{ place: string; xid: string }[]>`
    select 'session' as place, xmin::text as xid from sessions where id = ${sessionId}
    union all select 'denylist', xmin::text from denylist where session_id = ${sessionId}
    union all select 'outbox', xmin::text from outbox
      where kind = 'refresh_token_reused' and payload ->> 'sessionId' = ${sessionId}
    union all select 'audit', xmin::text from audit_events where session_id = ${sessionId} and id > ${afterId}
    order by 1`;
  assertEquals(traces.map(({ place }) => place), ["audit", "denylist", "outbox", "session"]);
  assertEquals(new Set(traces.map(({ xid }) => xid)).size, 1, "one commit");
  const [event] = await readAuditEvents(sql, afterId);
  assertEquals([event?.event, event?.ok, event?.reason], ["refresh", false, "REFRESH_REUSED"]);
  for (const app of [scene.app, scene.other]) {
    for (const bearer of tokens) {
      assertEquals((await app.call("auth.me", { bearer })).auth?.reason, "SESSION_REVOKED");
    }
  }
}

/** A session of the victim's other device that has been refreshed once. */
async function openRotated({ app, victim }: Scene, attemptId?: string) {
  const first = await signIn(app, victim.username);
  const second = await rotate(app, first.refreshToken, attemptId);
  return { first, second };
}

const replays: Record<string, (attemptId: string) => string | undefined> = {
  "another attempt id": newAttemptId,
  "no attempt id": () => undefined,
};

for (const [name, makeReplay] of Object.entries(replays)) {
  attack(
    `A-030: replaying a used token after the leeway with ${name} signs out thief and owner`,
    async (scene) => {
      const { app, other, advance, victim } = scene;
      const attemptId = newAttemptId();
      const { first, second } = await openRotated(scene, attemptId);
      await advance(LEEWAY_SECONDS + 1);
      const afterId = await lastAuditId(app.database.sql);
      const replayed = makeReplay(attemptId);
      await scene.refuses({ "replay": () => refreshWith(other, first.refreshToken, replayed) }, {
        reason: "REFRESH_REUSED",
        state: "changed",
        audit: 1,
      });
      await assertEndedAsStolen(scene, first.sessionId, [first.accessToken, second.accessToken], afterId);
      await scene.refusesRefreshes({ "successor": second.refreshToken, "used one": first.refreshToken }, {
        reason: "SESSION_REVOKED",
        audit: "any",
      });
      assertEquals(
        (await refreshWith(app, victim.tokens.refreshToken)).status,
        200,
        "another session of the same user",
      );
    },
  );
}

attack("A-030: without a leeway the first replay counts", async (scene) => {
  const { first, second } = await openRotated(scene);
  const afterId = await lastAuditId(scene.app.database.sql);
  await scene.refuses({ "at once": () => refreshWith(scene.app, first.refreshToken) }, {
    reason: "REFRESH_REUSED",
    state: "changed",
    audit: 1,
  });
  await assertEndedAsStolen(scene, first.sessionId, [first.accessToken, second.accessToken], afterId);
}, { refreshLeewaySeconds: 0 });

attack("A-031: only the last used token has the leeway, an older one never", async (scene) => {
  for (const generations of [2, 3, 5]) {
    const attemptId = newAttemptId();
    const first = await signIn(scene.app, "victim");
    let latest = first;
    for (let i = 0; i < generations; i++) latest = await rotate(scene.app, latest.refreshToken, attemptId);
    const afterId = await lastAuditId(scene.app.database.sql);
    await scene.refuses({
      "same attempt id, at once": () => refreshWith(scene.app, first.refreshToken, attemptId),
    }, {
      reason: "REFRESH_REUSED",
      state: "changed",
      audit: 1,
    });
    await assertEndedAsStolen(scene, first.sessionId, [latest.accessToken], afterId);
  }
});

attack("A-033: a thief who refreshes first is signed out when the owner does", async (scene) => {
  const { app, other, advance } = scene;
  const owned = await signIn(app, "victim");
  const stolen = await rotate(other, owned.refreshToken, newAttemptId());
  await advance(LEEWAY_SECONDS + 1);
  const afterId = await lastAuditId(app.database.sql);
  await scene.refuses({ "owner": () => refreshWith(app, owned.refreshToken, newAttemptId()) }, {
    reason: "REFRESH_REUSED",
    state: "changed",
    audit: 1,
  });
  await assertEndedAsStolen(scene, owned.sessionId, [owned.accessToken, stolen.accessToken], afterId);
  await scene.refusesRefreshes({ "thief": stolen.refreshToken, "owner again": owned.refreshToken }, {
    reason: "SESSION_REVOKED",
    audit: "any",
  });
});

attack(
  "A-034: inside the leeway owner and thief hold one token, and their next steps part",
  async (scene) => {
    const { app, other, advance } = scene;
    const owned = await signIn(app, "victim");
    const stolen = await rotate(other, owned.refreshToken, newAttemptId());
    const shared = await rotate(app, owned.refreshToken, newAttemptId());
    assertEquals([shared.refreshToken, shared.generation], [stolen.refreshToken, stolen.generation]);
    await rotate(other, stolen.refreshToken, newAttemptId());
    await advance(LEEWAY_SECONDS + 1);
    await scene.refuses({ "owner": () => refreshWith(app, shared.refreshToken, newAttemptId()) }, {
      reason: "REFRESH_REUSED",
      state: "changed",
      audit: 1,
    });
    assertEquals((await readSession(app.database.sql, owned.sessionId)).revoke_reason, "reuse");
  },
);

attack("A-041: tokens from before a step-up are superseded", async (scene) => {
  const { app, other } = scene;
  const before = await signIn(app, "victim");
  const answer = await app.call("auth.stepUp", {
    bearer: before.accessToken,
    body: { password: "correct horse battery" },
  });
  assertEquals(answer.status, 200, answer.text);
  for (const instance of [app, other]) {
    await scene.refuses({
      "refresh": () => refreshWith(instance, before.refreshToken),
      "bearer": () => meOf(instance, { tokens: before }),
      "step-up again": () =>
        instance.call("auth.stepUp", {
          bearer: before.accessToken,
          body: { password: "correct horse battery" },
        }),
    }, { reason: "SESSION_REVOKED", audit: "any" });
  }
  assertEquals((await refreshWith(app, answer.data.refreshToken)).status, 200);
});

attack("A-041: a role that was taken away is gone with the next refresh", async (scene) => {
  const { app } = scene;
  const { sql } = app.database;
  await sql`update users set roles = '{admin}' where id = ${scene.victim.user.id}`;
  const admin = await signIn(app, "victim");
  await sql`update users set roles = '{}' where id = ${scene.victim.user.id}`;
  const later = await rotate(app, admin.refreshToken);
  const claims = JSON.parse(
    atob((later.accessToken.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")),
  );
  assertEquals(claims.roles, []);
});
