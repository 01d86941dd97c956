import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Auth } from "@watchword/server";
import type postgres from "postgres";
import { password } from "../kit/app.ts";
import { splitToken } from "./forge.ts";
import { attack, meOf, type Scene } from "./kit.ts";
import { signIn } from "./sign_in.ts";
import { deleteUser, disableUser, resetPassword } from "./state.ts";

/** Asserts that every protected procedure of every instance refuses a bearer, at once. */
async function assertDead({ app, other, refuses }: Scene, bearer: string): Promise<void> {
  for (const instance of [app, other]) {
    await refuses({
      "me": () => instance.call("auth.me", { bearer }),
      "sessions.list": () => instance.call("auth.sessions.list", { bearer }),
      "sessions.revoke": () =>
        instance.call("auth.sessions.revoke", { bearer, body: { sessionId: crypto.randomUUID() } }),
      "logout others": () => instance.call("auth.logout", { bearer, body: { scope: "others" } }),
      "logout all": () => instance.call("auth.logout", { bearer, body: { scope: "all" } }),
    }, { reason: "SESSION_REVOKED", audit: "any" });
  }
}

attack("A-027: a logged-out session's bearer is dead at once, on every instance", async (scene) => {
  const tokens = await signIn(scene.app, "victim");
  await scene.app.call("auth.logout", { bearer: tokens.accessToken, body: {} });
  await assertDead(scene, tokens.accessToken);
});

attack("A-027: a session that was ended from another one is dead at once", async (scene) => {
  const tokens = await signIn(scene.app, "victim");
  const { sessionId } = tokens;
  const bearer = scene.victim.tokens.accessToken;
  assertEquals((await scene.other.call("auth.sessions.revoke", { bearer, body: { sessionId } })).status, 200);
  await assertDead(scene, tokens.accessToken);
});

attack("A-027: signing the others out kills each of them and leaves this one", async (scene) => {
  const others = [await signIn(scene.app, "victim"), await signIn(scene.other, "victim")];
  await scene.other.call("auth.logout", {
    bearer: scene.victim.tokens.accessToken,
    body: { scope: "others" },
  });
  for (const { accessToken } of others) await assertDead(scene, accessToken);
});

attack("A-027: signing out everywhere kills every session of the user, and nobody else's", async (scene) => {
  const user = await scene.registerUser("ada");
  const more = await signIn(scene.other, "ada");
  await scene.other.call("auth.logout", { bearer: user.tokens.accessToken, body: { scope: "all" } });
  for (const { accessToken } of [user.tokens, more]) await assertDead(scene, accessToken);
});

const ends: Record<string, (sql: postgres.Sql, userId: string) => Promise<void>> = {
  "deleted": deleteUser,
  "disabled": disableUser,
  "reset": resetPassword,
};

for (const [name, end] of Object.entries(ends)) {
  attack(`A-027: the bearer of a ${name} account is dead at once, on every instance`, async (scene) => {
    const user = await scene.registerUser("ada");
    await end(scene.app.database.sql, user.user.id);
    await assertDead(scene, user.tokens.accessToken);
    await scene.refuses({
      "login": () => scene.app.call("auth.login", { body: { identifier: "ada", password } }),
    }, { reason: "INVALID_CREDENTIALS", audit: 1 });
    await scene.refusesRefreshes({ "refresh": user.tokens.refreshToken }, {
      reason: name === "deleted" ? "REFRESH_INVALID" : "SESSION_REVOKED",
      audit: "any",
    });
  });
}

attack("A-027: a dead bearer stays dead until its last second", async (scene) => {
  const { app, advance, victim } = scene;
  const tokens = await signIn(app, "victim");
  const { exp } = splitToken(tokens.accessToken).claims;
  await app.call("auth.logout", { bearer: tokens.accessToken, body: {} });
  const left = Number(exp) - Math.floor(Date.now() / 1_000);
  await advance(left - 2);
  await scene.refusesBearers({ "before it expires": tokens.accessToken }, {
    reason: "SESSION_REVOKED",
    audit: "any",
    victimLives: false,
  });
  await advance(4);
  await scene.refusesBearers({ "within the tolerance": tokens.accessToken }, {
    reason: "SESSION_REVOKED",
    audit: "any",
    victimLives: false,
  });
  await advance(60);
  await scene.refusesBearers({ "after it": tokens.accessToken }, {
    reason: "TOKEN_EXPIRED",
    victimLives: false,
  });
  assertEquals(
    (await app.call("auth.refresh", { body: { refreshToken: victim.tokens.refreshToken } })).status,
    200,
  );
});

attack(
  "A-028: a token of the same second as a sign-out of all is dead, and a new one is not",
  async (scene) => {
    const { app, other, advance } = scene;
    // Repeated until both tokens are of one second of the database.
    for (let attempt = 0;; attempt++) {
      const old = await signIn(app, "victim");
      await app.call("auth.logout", { bearer: old.accessToken, body: { scope: "all" } });
      const fresh = await signIn(other, "victim");
      const [oldClaims, freshClaims] = [old, fresh].map(({ accessToken }) => splitToken(accessToken).claims);
      assertNotEquals(oldClaims?.["ep"], freshClaims?.["ep"]);
      for (const instance of [app, other]) {
        const refused = await instance.call("auth.me", { bearer: old.accessToken });
        assertEquals([refused.status, refused.auth?.reason], [401, "SESSION_REVOKED"]);
        assertEquals((await meOf(instance, { tokens: fresh })).status, 200);
      }
      if (oldClaims?.["iat"] === freshClaims?.["iat"]) break;
      assert(attempt < 20, "never within one second");
      await advance(0.3);
    }
  },
);

const STALENESS_SECONDS = 5;

function createPolicyApp(auth: Auth) {
  const query = (policy: Parameters<Auth["procedure"]>[0]) => auth.procedure(policy).query(() => "let in");
  return auth.trpc.router({
    auth: auth.router,
    strict: query({ auth: "required", revocation: "strict" }),
    optional: query({ auth: "optional" }),
    replica: query({ auth: "required", revocation: "replica" }),
  });
}

attack(
  "A-027: another instance refuses a dead bearer at once where it asks, and within S where it does not",
  async (scene) => {
    const { app, other } = scene;
    const { accessToken: bearer } = await signIn(app, "victim");
    for (const path of ["strict", "optional", "replica"]) {
      assertEquals(
        (await other.call(path, { bearer })).status,
        200,
      );
    }
    await app.call("auth.logout", { bearer, body: {} });
    for (const path of ["strict", "optional"]) {
      assertEquals((await other.call(path, { bearer })).auth?.reason, "SESSION_REVOKED", path);
    }
    const deadline = performance.now() + 2 * STALENESS_SECONDS * 1_000;
    while ((await other.call("replica", { bearer })).status === 200) {
      assert(performance.now() < deadline, "the copy of the denylist never learned of it");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (let i = 0; i < 20; i++) {
      assertEquals((await other.call("replica", { bearer })).auth?.reason, "SESSION_REVOKED");
    }
  },
  { router: createPolicyApp },
);
