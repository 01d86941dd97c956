import { assert, assertEquals } from "@std/assert";
import postgres from "postgres";
import { createDatabaseClock } from "../../server/database_clock.ts";
import { createReplica } from "../../server/denylist/replica.ts";
import { connect } from "../../server/store/connect.ts";
import { readDenylistSince } from "../../server/store/denylist.ts";
import { registerUser } from "../kit/app.ts";
import { testClock } from "../kit/clock.ts";
import { createTestDatabase } from "../kit/database.ts";
import { startSplitApp, tally } from "./probe_app.ts";
import { killListeners, makeRandom, revokeOutOfOrder, shuffle } from "./revocations.ts";
import { mintAccessTokens } from "./token_mint.ts";

Deno.test("F-21: the copy misses no revocation that commits out of order, where a cursor on seq loses some", async () => {
  await using database = await createTestDatabase();
  const store = connect({ databaseUrl: database.url });
  const clock = testClock();
  const replica = createReplica({
    read: (horizon, max) => store.query((db) => readDenylistSince(db, horizon, max)),
    clock,
    databaseClock: createDatabaseClock(clock),
    max: 10_000,
  });
  const seenByCursor = new Set<string>();
  let cursor = 0n;
  async function look(): Promise<void> {
    await replica.sync();
    const rows = await database.sql<{ seq: string; id: string }[]>`
      select seq, session_id as id from denylist where seq > ${String(cursor)} order by seq`;
    for (const { seq, id } of rows) {
      seenByCursor.add(id);
      cursor = BigInt(seq);
    }
  }

  await look();
  const sessionIds = Array.from({ length: 1_000 }, () => crypto.randomUUID());
  await revokeOutOfOrder(database, sessionIds, { seed: 1, afterEachCommit: look });
  await look();
  const missed = sessionIds.filter((sessionId) => !replica.isDenied({ sessionId, userId: "", epoch: 0 }));
  assertEquals(missed, []);
  assert(seenByCursor.size < sessionIds.length, "the order was not shuffled enough to show anything");
  await store.close();
});

Deno.test("F-13: 2,000 revocations out of order, the listeners killed meanwhile, are all refused within S by every copy", async () => {
  await using app = await startSplitApp({ revocationMaxStalenessSeconds: 1 });
  const { user } = await registerUser(app.near);
  const minted = await mintAccessTokens(app.near, { userId: user.id, count: 2_050 });
  const revoked = minted.slice(0, 2_000);
  const kept = minted.slice(2_000);
  let commits = 0;
  let kills = 0;
  await revokeOutOfOrder(app.near.database, revoked.map(({ sessionId }) => sessionId), {
    seed: 2,
    afterEachCommit: async () => {
      if (commits++ % 25 === 0) kills += await killListeners(app.near.database);
    },
  });
  assert(kills >= 2, "no listener was there to be killed");
  // Written with SQL alone, so nobody was notified: only the bound S is left to carry them.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  for (const instance of [app.near, app.far]) {
    for (const path of ["readReplica", "read"]) {
      const ask = async (tokens: typeof minted) => {
        const answers = [];
        for (let at = 0; at < tokens.length; at += 100) {
          answers.push(
            ...await Promise.all(
              tokens.slice(at, at + 100).map(({ accessToken }) =>
                instance.call(path, { bearer: accessToken })
              ),
            ),
          );
        }
        return tally(answers);
      };
      assertEquals(await ask(revoked), { "401 SESSION_REVOKED": 2_000 }, path);
      assertEquals(await ask(kept), { "200": 50 }, path);
    }
  }
});

Deno.test("an open transaction that pins the horizon delays no revocation", async () => {
  await using app = await startSplitApp({ revocationMaxStalenessSeconds: 1 });
  const { user } = await registerUser(app.near);
  const minted = await mintAccessTokens(app.near, { userId: user.id, count: 30 });
  const pin = postgres(app.near.database.url, { max: 1, onnotice: () => {} });
  await pin.begin(async (tx) => {
    await tx`select pg_current_xact_id()`;
    for (const { sessionId } of shuffle(minted, makeRandom(3))) {
      await app.near.database.sql`
        insert into denylist (session_id, expires_at) values (${sessionId}, now() + interval '1 hour')`;
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const answers = minted.map(({ accessToken }) => app.far.call("readReplica", { bearer: accessToken }));
    assertEquals(tally(await Promise.all(answers)), { "401 SESSION_REVOKED": 30 });
  });
  await pin.end();
});
