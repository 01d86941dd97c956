import { assert, assertEquals } from "@std/assert";
import { connect } from "../../server/store/connect.ts";
import { pruneBatch, prunedKinds } from "../../server/store/prune.ts";
import { registerUser, startTestApp } from "../kit/app.ts";
import { countRows } from "../kit/database_snapshot.ts";
import { createTestDatabase } from "../kit/database.ts";
import { refresh } from "../kit/sessions.ts";
import { createProbeRouter, describe } from "./probe_app.ts";

Deno.test("INV-11: upkeep deletes what has expired, in every table, and nothing that lives", async () => {
  await using app = await startTestApp({ router: createProbeRouter() });
  const { sql } = app.database;
  const live = await registerUser(app);
  const revoked = await registerUser(app);
  await app.call("auth.logout", { body: {}, bearer: revoked.tokens.accessToken });
  await sql`
    insert into denylist (session_id, expires_at)
    select gen_random_uuid(), now() - interval '1 second' from generate_series(1, 1200)`;
  await sql`
    insert into throttle (key, count, window_started_at, blocked_until)
    select decode(md5(i::text), 'hex'), 1, now() - interval '1 hour',
      now() + case when i <= 1200 then interval '-1 second' else interval '1 hour' end
    from generate_series(1, 1210) i`;
  await sql`
    insert into sessions (id, user_id, epoch, current_hash, ratchet_key, last_access_expires_at, authenticated_at, amr,
      idle_expires_at, absolute_expires_at, client_id)
    select gen_random_uuid(), ${live.user.id}, 0, '', 1, now(), now(), '{}', now(), now() - interval '2 days', ''
    from generate_series(1, 1200)`;
  await app.auth.runUpkeep();
  assertEquals(await countRows(app.database, "denylist"), 1);
  assertEquals(await countRows(app.database, "throttle"), 10);
  assertEquals(await countRows(app.database, "sessions"), 2);
  assertEquals((await app.call("read", { bearer: live.tokens.accessToken })).status, 200);
  assertEquals(
    describe(await app.call("read", { bearer: revoked.tokens.accessToken })),
    "401 SESSION_REVOKED",
  );
  assertEquals((await refresh(app, live.tokens.refreshToken)).status, 200);
});

Deno.test("a batch is small, skips a row that somebody holds, and waits for nobody", async () => {
  await using database = await createTestDatabase();
  const { sql } = database;
  const store = connect({ databaseUrl: database.url });
  await sql`
    insert into denylist (session_id, expires_at)
    select gen_random_uuid(), now() - interval '1 hour' from generate_series(1, 700)`;
  await sql.begin(async (tx) => {
    await tx`select 1 from denylist where seq in (1, 2, 3) for update`;
    const first = await store.query((db) => pruneBatch(db, "denylist"));
    assert(first.count > 0 && first.count <= 500, `${first.count} rows in one batch`);
    assert(first.hasMore);
    const second = await store.query((db) => pruneBatch(db, "denylist"));
    assertEquals({ total: first.count + second.count, hasMore: second.hasMore }, {
      total: 697,
      hasMore: false,
    });
  });
  assertEquals((await store.query((db) => pruneBatch(db, "denylist"))).count, 3);
  await store.close();
});

Deno.test("two instances that prune at once share the work", async () => {
  await using database = await createTestDatabase();
  const store = connect({ databaseUrl: database.url });
  await database.sql`
    insert into denylist (session_id, expires_at)
    select gen_random_uuid(), now() - interval '1 hour' from generate_series(1, 3000)`;
  const batches = await Promise.all(
    Array.from({ length: 10 }, () => store.query((db) => pruneBatch(db, "denylist"))),
  );
  const deleted = batches.reduce((sum, { count }) => sum + count, 0);
  assertEquals(deleted + await countRows(database, "denylist"), 3_000);
  await store.close();
});

Deno.test("every table that is pruned can find what has expired without reading all of it", async () => {
  await using database = await createTestDatabase();
  const { sql } = database;
  const [owner] = await sql<{ id: string }[]>`insert into users (id) values (gen_random_uuid()) returning id`;
  await sql`
    insert into sessions (id, user_id, epoch, current_hash, ratchet_key, last_access_expires_at, authenticated_at, amr,
      idle_expires_at, absolute_expires_at, client_id)
    select gen_random_uuid(), ${
    owner?.id ?? ""
  }, 0, '', 1, now(), now(), '{}', now(), now() + interval '9 days', ''
    from generate_series(1, 20000)`;
  await sql`
    insert into denylist (session_id, expires_at)
    select gen_random_uuid(), now() + interval '1 hour' from generate_series(1, 20000)`;
  await sql`analyze`;
  const store = connect({ databaseUrl: database.url });
  for (const table of ["denylist", "sessions"]) {
    assert(prunedKinds.includes(table));
    await sql`select pg_stat_reset()`;
    await store.query((db) => pruneBatch(db, table));
    await sql`select pg_stat_force_next_flush()`;
  }
  await store.close();
  const rows = await sql<{ name: string; read: string }[]>`
    select relname as name, seq_tup_read as read from pg_stat_user_tables where relname in ('denylist', 'sessions')`;
  for (const { name, read } of rows) assert(Number(read) < 20_000, `${read} rows of ${name} were read`);
});
