import { assert, assertEquals } from "@std/assert";
import { createDatabaseClock } from "../../server/database_clock.ts";
import { createReplica, type Replica } from "../../server/denylist/replica.ts";
import { connect } from "../../server/store/connect.ts";
import { type DenylistPage, readDenylistSince } from "../../server/store/denylist.ts";
import { registerUser, startTestApp } from "../kit/app.ts";
import { type TestClock, testClock } from "../kit/clock.ts";
import { createTestDatabase, type TestDatabase } from "../kit/database.ts";
import { createProbeRouter, eventually, pause, startSplitApp } from "./probe_app.ts";
import { killListeners } from "./revocations.ts";

interface Watched extends AsyncDisposable {
  replica: Replica;
  database: TestDatabase;
  clock: TestClock;
  /** The horizon of every reading. */
  asked: bigint[];
  deny(options?: { lifetime?: string }): Promise<{ sessionId: string; userId: string; epoch: number }>;
}

/** A copy of a database's denylist that syncs only when told to. `alter` changes what the database said. */
async function watchReplica(alter: (page: DenylistPage) => DenylistPage = (page) => page): Promise<Watched> {
  const database = await createTestDatabase();
  const store = connect({ databaseUrl: database.url });
  const clock = testClock();
  const asked: bigint[] = [];
  const replica = createReplica({
    async read(horizon, max) {
      asked.push(horizon);
      const page = await store.query((db) => readDenylistSince(db, horizon, max));
      return page && alter(page);
    },
    clock,
    databaseClock: createDatabaseClock(clock),
    max: 100,
  });
  return {
    replica,
    database,
    clock,
    asked,
    async deny({ lifetime = "1 hour" } = {}) {
      const sessionId = crypto.randomUUID();
      await database.sql`
        insert into denylist (session_id, expires_at) values (${sessionId}, now() + ${lifetime}::interval)`;
      return { sessionId, userId: crypto.randomUUID(), epoch: 0 };
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

Deno.test("a horizon that goes backwards, as after a restore, makes the copy read everything", async () => {
  let ahead = 1_000_000n;
  await using watched = await watchReplica((page) => ({ ...page, horizon: page.horizon + ahead }));
  await watched.replica.sync();
  // From here on it is another server, whose numbers are lower than what the copy has seen.
  const question = await watched.deny();
  ahead = 0n;
  await watched.replica.sync();
  assertEquals(watched.asked.at(-1), 0n);
  assert(watched.replica.isDenied(question));
});

Deno.test("between full readings the copy asks only for what a snapshot could have missed", async () => {
  await using watched = await watchReplica();
  await watched.replica.sync();
  await watched.replica.sync();
  watched.clock.shiftMs += 61_000;
  await watched.replica.sync();
  const [first, second = 0n, third] = watched.asked;
  assertEquals([first, third], [0n, 0n]);
  assert(second > 0n);
});

Deno.test("what the copy denied stays denied when the database forgets it, as after a failover", async () => {
  await using watched = await watchReplica();
  const question = await watched.deny();
  await watched.replica.sync();
  await watched.database.sql`delete from denylist`;
  watched.replica.distrust();
  await watched.replica.sync();
  assert(watched.replica.isDenied(question));
});

Deno.test("an entry leaves the copy when it has expired, and not before", async () => {
  await using watched = await watchReplica();
  const question = await watched.deny({ lifetime: "100 seconds" });
  const advance = async (seconds: number) => {
    watched.clock.shiftMs += seconds * 1_000;
    await watched.database.shiftClock(watched.clock.shiftMs);
    await watched.replica.sync();
  };
  await advance(90);
  assert(watched.replica.isDenied(question));
  await advance(20);
  assertEquals(watched.replica.size, 0);
});

Deno.test("F-40: a copy that would overflow leaves the answer to the database, says so, and recovers", async () => {
  await using app = await startTestApp({ router: createProbeRouter(), denylistReplicaMax: 20 });
  const kept = await registerUser(app);
  const revoked = await registerUser(app);
  await app.database.sql`
    insert into denylist (session_id, expires_at)
    select gen_random_uuid(), now() + interval '5 minutes' from generate_series(1, 30)`;
  const says = (event: string) => app.logs.some((line) => JSON.parse(line).event.startsWith(event));
  await eventually("the log says so", 5_000, () => says("denylist replica is full"));
  await app.call("auth.logout", { body: {}, bearer: revoked.tokens.accessToken });
  for (const path of ["read", "readReplica"]) {
    assertEquals(
      (await app.call(path, { bearer: revoked.tokens.accessToken })).auth?.reason,
      "SESSION_REVOKED",
    );
    assertEquals((await app.call(path, { bearer: kept.tokens.accessToken })).status, 200);
  }
  await app.advance(400);
  assert(says("denylist replica fits again"));
  assertEquals(
    (await app.call("readReplica", { bearer: revoked.tokens.accessToken })).auth?.reason,
    "SESSION_REVOKED",
  );
  assertEquals((await app.call("readReplica", { bearer: kept.tokens.accessToken })).status, 200);
});

Deno.test("F-40: a copy that overflows never answers for a database that is away", async () => {
  await using app = await startSplitApp({ denylistReplicaMax: 20 });
  const { tokens } = await registerUser(app.near);
  await app.near.database.sql`
    insert into denylist (session_id, expires_at)
    select gen_random_uuid(), now() + interval '1 hour' from generate_series(1, 30)`;
  await eventually(
    "the copy is full",
    5_000,
    () => app.far.logs.some((line) => line.includes("replica is full")),
  );
  await app.proxy.set("refuse");
  for (const path of ["read", "readReplica"]) {
    assertEquals((await app.far.call(path, { bearer: tokens.accessToken })).auth?.reason, "UNAVAILABLE");
  }
});

Deno.test("F-40: an instance whose copy overflows still judges tokens by the database's clock", async () => {
  const fast = testClock();
  fast.shiftMs = 3_600_000;
  await using app = await startTestApp({ router: createProbeRouter() });
  await app.database.sql`
    insert into denylist (session_id, expires_at)
    select gen_random_uuid(), now() + interval '1 hour' from generate_series(1, 30)`;
  const full = await app.startInstance({ denylistReplicaMax: 20, clock: fast });
  const { tokens } = await registerUser(app);
  assertEquals((await full.call("read", { bearer: tokens.accessToken })).status, 200);
});

Deno.test("F-17: 1,000 notifications with garbage in them cause at most about 20 readings a second", async () => {
  await using app = await startSplitApp();
  const { tokens } = await registerUser(app.near);
  const readings = () => app.proxy.countSent("pg_snapshot_xmin");
  readings();
  const startedAt = performance.now();
  for (let burst = 0; burst < 10; burst++) {
    await Promise.all(Array.from({ length: 100 }, (_, i) => {
      const garbage = `{"session_id":"${burst}-${i}"}; drop table denylist; ${"é".repeat(i)}`;
      return app.near.database.sql`select pg_notify('watchword_denylist', ${garbage})`;
    }));
    assertEquals((await app.far.call("readReplica", { bearer: tokens.accessToken })).status, 200);
  }
  await pause(1_000);
  const seconds = (performance.now() - startedAt) / 1_000;
  const count = readings();
  assert(count >= 1, "no notification was heard");
  assert(count <= 20 * seconds + 5, `${count} readings in ${seconds.toFixed(1)} s`);
});

Deno.test("INV-1: what one instance revokes, every other refuses on the very next call", async () => {
  await using app = await startSplitApp();
  for (let round = 0; round < 8; round++) {
    const { tokens } = await registerUser(app.near);
    const [revoker, other] = round % 2 ? [app.near, app.far] : [app.far, app.near];
    assertEquals((await other.call("read", { bearer: tokens.accessToken })).status, 200);
    const scope = round % 4 < 2 ? "this" : "all";
    assertEquals(
      (await revoker.call("auth.logout", { body: { scope }, bearer: tokens.accessToken })).status,
      200,
    );
    assertEquals((await other.call("read", { bearer: tokens.accessToken })).auth?.reason, "SESSION_REVOKED");
  }
});

Deno.test("INV-1: a copy refuses what another instance revoked within S, with every notification lost", async () => {
  await using app = await startSplitApp({ revocationMaxStalenessSeconds: 2 });
  const { tokens } = await registerUser(app.near);
  assertEquals((await app.far.call("readReplica", { bearer: tokens.accessToken })).status, 200);
  await killListeners(app.near.database);
  await app.near.call("auth.logout", { body: {}, bearer: tokens.accessToken });
  await eventually(
    "the copy refuses",
    2_000,
    async () =>
      (await app.far.call("readReplica", { bearer: tokens.accessToken })).auth?.reason === "SESSION_REVOKED",
  );
});
