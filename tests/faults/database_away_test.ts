import { assert, assertEquals } from "@std/assert";
import { password, registerUser } from "../kit/app.ts";
import { testClock } from "../kit/clock.ts";
import { watchStalls } from "../kit/stalls.ts";
import { makeAttemptId } from "../kit/sessions.ts";
import type { ProxyMode } from "../kit/tcp_proxy.ts";
import { describe, eventually, pause, startSplitApp, tally, unavailable } from "./probe_app.ts";

const STALENESS_SECONDS = 5;
/** Not a measurement: past it a call hangs. */
const ANSWER_MAX_MS = 5_000;
const modes: ProxyMode[] = ["refuse", "reset", "hang up", "blackhole"];

for (const mode of modes) {
  Deno.test(`F-08 ${mode}: calls go on for S, then are 503 and never 401, and all is well within 5 s of the return`, async () => {
    const clock = testClock();
    await using app = await startSplitApp({ far: { clock } });
    const { username, tokens } = await registerUser(app.near);
    const bearer = tokens.accessToken;
    assertEquals((await app.far.call("/health/ready")).status, 200);

    await app.proxy.set(mode);
    for (const path of ["read", "readReplica"]) {
      assertEquals((await app.far.call(path, { bearer })).status, 200);
    }
    assertEquals(describe(await app.far.call("readStrict", { bearer })), unavailable);
    clock.shiftMs += STALENESS_SECONDS * 1_000;
    for (const path of ["read", "readReplica", "auth.me"]) {
      assertEquals(describe(await app.far.call(path, { bearer })), unavailable);
    }
    assertEquals((await app.far.call("/health/ready")).status, 503);
    assertEquals((await app.far.call("/health/live")).status, 200);
    assertEquals((await app.near.call("read", { bearer })).status, 200);

    await app.proxy.set("pass");
    await eventually("a protected call succeeds again", 5_000, async () => {
      return (await app.far.call("read", { bearer })).status === 200;
    });
    await eventually("a sign-in succeeds again", 5_000, async () => {
      return (await app.far.call("auth.login", { body: { identifier: username, password } })).status === 200;
    });
    await eventually(
      "it is ready again",
      5_000,
      async () => (await app.far.call("/health/ready")).status === 200,
    );
  });

  Deno.test(`F-08 ${mode}: sign-in, registration, refresh and logout are 503 soon, never 401, and change nothing`, async () => {
    await using app = await startSplitApp();
    const { username, tokens } = await registerUser(app.near);
    const bodies = {
      "auth.login": { identifier: username, password },
      "auth.register": { username: "newcomer", password },
      "auth.refresh": { refreshToken: tokens.refreshToken, attemptId: makeAttemptId() },
      "auth.logout": { refreshToken: tokens.refreshToken },
      "auth.stepUp": { password },
    };
    await app.proxy.set(mode);
    const startedAt = performance.now();
    const answers = await Promise.all(
      Object.entries(bodies).map(([path, body]) =>
        app.far.call(path, { body, ...(path === "auth.stepUp" ? { bearer: tokens.accessToken } : {}) })
      ),
    );
    assertEquals(tally(answers), { [unavailable]: 5 });
    assert(performance.now() - startedAt < ANSWER_MAX_MS);
    if (mode !== "blackhole") {
      assertEquals((await app.near.call("read", { bearer: tokens.accessToken })).status, 200);
      assertEquals(
        (await app.near.call("auth.refresh", { body: bodies["auth.refresh"] })).data.generation,
        1,
      );
    }
  });
}

Deno.test("F-08: 2,000 calls while nothing comes back are all answered: within S by the copy, after it 503", async () => {
  const clock = testClock();
  await using app = await startSplitApp({ far: { clock, revocationMaxStalenessSeconds: 60 } });
  const { tokens } = await registerUser(app.near);
  await app.proxy.set("blackhole");
  const callAll = () =>
    Promise.all(Array.from({ length: 1_000 }, () => app.far.call("read", { bearer: tokens.accessToken })));
  assertEquals(tally(await callAll()), { "200": 1_000 });
  clock.shiftMs += 60_000;
  assertEquals(tally(await callAll()), { [unavailable]: 1_000 });
});

Deno.test("F-09: a call that comes while others wait for a silent database waits no longer than they do", async () => {
  await using app = await startSplitApp({ far: { revocationMaxStalenessSeconds: 60 } });
  const { tokens } = await registerUser(app.near);
  await app.proxy.set("blackhole");
  using stalls = watchStalls();
  const waits: Promise<number>[] = [];
  // One every 50 ms for 2 s: at any moment some are being asked about, and others would have to stand in line.
  for (let call = 0; call < 40; call++) {
    const askedAt = performance.now();
    waits.push(
      app.far.call("read", { bearer: tokens.accessToken }).then(({ status }) => {
        assertEquals(status, 200);
        return performance.now() - askedAt;
      }),
    );
    await pause(50);
  }
  const longest = Math.max(...await Promise.all(waits)) - stalls.totalMs;
  // Each may cost the 1 s that the database has; standing in line would cost up to another one.
  assert(longest < 1_600, `${longest.toFixed(0)} ms`);
});

Deno.test("F-18: while one instance is cut off, another's revocations reach it within S or its calls are 503", async () => {
  await using app = await startSplitApp({ revocationMaxStalenessSeconds: 2 });
  const { tokens } = await registerUser(app.near);
  const bearer = tokens.accessToken;
  await app.proxy.set("refuse");
  const cutAt = performance.now();
  await app.near.call("auth.logout", { body: {}, bearer });
  const late: string[] = [];
  while (performance.now() - cutAt < 4_000) {
    const askedAt = performance.now() - cutAt;
    const answer = await app.far.call("read", { bearer });
    assert([200, 503].includes(answer.status), answer.text);
    if (answer.status === 200 && askedAt >= 2_000) late.push(`answered a call of ${askedAt} ms`);
    await pause(50);
  }
  assertEquals(late, []);
  await app.proxy.set("pass");
  await eventually("the revocation has arrived", 5_000, async () => {
    return (await app.far.call("read", { bearer })).auth?.reason === "SESSION_REVOKED";
  });
});

Deno.test("F-12: a balancer that hangs up at once is not stormed with connections", async () => {
  await using app = await startSplitApp();
  const { tokens } = await registerUser(app.near);
  await app.proxy.set("hang up");
  const before = app.proxy.connectionCount;
  for (let i = 0; i < 20; i++) {
    await app.far.call("readStrict", { bearer: tokens.accessToken });
    await pause(100);
  }
  const count = app.proxy.connectionCount - before;
  assert(count < 500, `${count} connections were tried`);
});

Deno.test("a failover that leaves the old connections dead is over within 5 s", async () => {
  await using app = await startSplitApp();
  const { tokens } = await registerUser(app.near);
  const bearer = tokens.accessToken;
  // All connections of the pool are open, and all of them go nowhere from now on.
  await Promise.all(Array.from({ length: 50 }, () => app.far.call("auth.me", { bearer })));
  app.proxy.abandon();
  await eventually("a call that needs the database succeeds", 5_000, async () => {
    return (await app.far.call("auth.me", { bearer })).status === 200;
  });
  assertEquals((await app.far.call("read", { bearer })).status, 200);
});

Deno.test("a database that takes no writes, as a standby does, is 503 for whatever writes", async () => {
  await using app = await startSplitApp();
  const { username, tokens } = await registerUser(app.near);
  const { sql } = app.near.database;
  const [row] = await sql<{ name: string }[]>`select current_database() as name`;
  const makeReadOnly = async (isReadOnly: boolean) => {
    await sql.unsafe(`alter database ${row?.name} set default_transaction_read_only = ${isReadOnly}`);
    await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'watchword'`;
  };
  await makeReadOnly(true);
  const answers = [
    await app.far.call("auth.login", { body: { identifier: username, password } }),
    await app.far.call("auth.refresh", { body: { refreshToken: tokens.refreshToken } }),
    await app.far.call("auth.register", { body: { username: "newcomer", password } }),
  ];
  assertEquals(tally(answers), { [unavailable]: 3 });
  await makeReadOnly(false);
  await eventually("a sign-in succeeds again", 5_000, async () => {
    return (await app.far.call("auth.login", { body: { identifier: username, password } })).status === 200;
  });
});
