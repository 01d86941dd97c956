import { assert, assertEquals } from "@std/assert";
import type { Verifier } from "@watchword/server/verifier";
import { registerUser } from "../kit/app.ts";
import { feedToken, sayOf, verifierOf } from "../kit/verifier.ts";
import { STALENESS_SECONDS, startFeedScene } from "./feed_scene.ts";
import { eventually, pause, startSplitApp } from "./probe_app.ts";
import { killListeners, makeRandom, revokeOutOfOrder } from "./revocations.ts";
import { mintAccessTokens, type MintedToken } from "./token_mint.ts";

const withFeed = { revocationFeedToken: feedToken };

/** How often each answer came. */
async function tally(verifier: Verifier, minted: readonly MintedToken[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { accessToken } of minted) {
    const said = sayOf(await verifier.verifyToken(accessToken));
    counts[said] = (counts[said] ?? 0) + 1;
  }
  return counts;
}

Deno.test("2,000 revocations that commit out of order, the feed cut all the while: a verifier misses none within S", async () => {
  await using scene = await startFeedScene();
  const { app, proxy, verifier } = scene;
  const { user } = await registerUser(app);
  const minted = await mintAccessTokens(app, { userId: user.id, count: 2_050 });
  const [revoked, kept] = [minted.slice(0, 2_000), minted.slice(2_000)];
  assertEquals(await tally(verifier, kept), { valid: 50 });
  const random = makeRandom(4);
  let commits = 0;
  let cuts = 0;
  await revokeOutOfOrder(app.database, revoked.map(({ sessionId }) => sessionId), {
    seed: 4,
    async afterEachCommit() {
      if (commits++ % 10 !== 0) return;
      await proxy.set(random() < 0.5 ? "reset" : "hang up");
      if (random() < 0.3) await killListeners(app.database);
      await proxy.set("pass");
      cuts++;
      // Long enough at times that a connection is made and cut in the middle of an answer.
      await pause(random() * 150);
    },
  });
  assert(cuts >= 15 && proxy.connectionCount >= 5, `${cuts} cuts of ${proxy.connectionCount} connections`);
  await pause(STALENESS_SECONDS * 1_000);
  assertEquals(await tally(verifier, revoked), { SESSION_REVOKED: 2_000 });
  await eventually("it is connected", 5_000, async () => (await tally(verifier, kept))["valid"] === 50);
});

Deno.test("a verifier that is led from one instance to another, and over restarts, forgets and misses nothing", async () => {
  await using scene = await startFeedScene();
  const { app, proxy, verifier } = scene;
  const { user } = await registerUser(app);
  const minted = await mintAccessTokens(app, { userId: user.id, count: 120 });
  assertEquals(await tally(verifier, minted), { valid: 120 });
  for (let round = 0; round < 4; round++) {
    const instance = await app.startInstance();
    proxy.pointAt(instance.origin);
    await proxy.set("hang up");
    await proxy.set("pass");
    const batch = minted.slice(round * 25, round * 25 + 25);
    await revokeOutOfOrder(app.database, batch.map(({ sessionId }) => sessionId), {
      seed: round,
      afterEachCommit: async () => {},
    });
    const revoked = minted.slice(0, round * 25 + 25);
    await eventually(
      `round ${round}: all are refused`,
      STALENESS_SECONDS * 1_000,
      async () => (await tally(verifier, revoked))["SESSION_REVOKED"] === revoked.length,
    );
  }
  assertEquals(await tally(verifier, minted.slice(100)), { valid: 20 });
});

Deno.test("what the database forgot, as after a failover, a verifier still refuses", async () => {
  await using app = await startSplitApp(withFeed);
  await using verifier = verifierOf(app.near, { follows: true });
  const { tokens } = await registerUser(app.near);
  const say = async () => sayOf(await verifier.verifyToken(tokens.accessToken));
  await app.near.call("auth.logout", { body: {}, bearer: tokens.accessToken });
  await eventually("it is refused", 5_000, async () => await say() === "SESSION_REVOKED");
  await app.near.database.sql`delete from denylist`;
  app.near.auth.drain();
  await pause(1_500);
  assertEquals(await say(), "SESSION_REVOKED");
});
