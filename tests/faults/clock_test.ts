import { assert, assertEquals } from "@std/assert";
import type { Clock } from "@watchword/server";
import { createDatabaseClock } from "../../server/database_clock.ts";
import { createDenylist, type Denylist } from "../../server/denylist/denylist.ts";
import type { DenylistQuestion } from "../../server/denylist/entries.ts";
import { connect } from "../../server/store/connect.ts";
import { createLog } from "../../server/observe/log.ts";
import { password, registerUser, startTestApp, type TestApp } from "../kit/app.ts";
import { noticeClock } from "../kit/clock.ts";
import { createTestDatabase } from "../kit/database.ts";
import { refresh, rotate } from "../kit/sessions.ts";
import { createProbeRouter, describe } from "./probe_app.ts";

/** A machine whose wall clock and whose monotonic clock can be moved apart. */
interface MovableClock extends Clock {
  wallMs: number;
  monotonicShiftMs: number;
}

function movableClock(wallMs = 0): MovableClock {
  return {
    wallMs,
    monotonicShiftMs: 0,
    now() {
      return new Date(Date.now() + this.wallMs);
    },
    monotonicMs() {
      return performance.now() + this.monotonicShiftMs;
    },
  };
}

const HOUR_MS = 3_600_000;

/** Three machines on one database: right, an hour ahead, an hour behind. */
async function startThree(): Promise<{ right: TestApp; ahead: TestApp; behind: TestApp; all: TestApp[] }> {
  const right = await startTestApp({ router: createProbeRouter(), clock: movableClock() });
  const ahead = await right.startInstance({ clock: movableClock(HOUR_MS) });
  const behind = await right.startInstance({ clock: movableClock(-HOUR_MS) });
  return { right, ahead, behind, all: [right, ahead, behind] };
}

/** Moves the database's clock alone, and lets every instance see it. */
async function moveDatabase(apps: TestApp[], seconds: number): Promise<void> {
  await apps[0]?.database.shiftClock(seconds * 1_000);
  await noticeClock(...apps.map(({ origin }) => origin));
}

Deno.test("F-23: an hour's error of an instance's clock signs nobody out and refuses no token of another's", async () => {
  const { right, all } = await startThree();
  await using _ = right;
  for (const maker of all) {
    const { username, tokens } = await registerUser(maker);
    for (const judge of all) {
      for (const path of ["read", "readReplica", "readStrict", "auth.me"]) {
        assertEquals((await judge.call(path, { bearer: tokens.accessToken })).status, 200, path);
      }
    }
    let refreshToken = tokens.refreshToken;
    for (const rotator of all) refreshToken = await rotate(rotator, refreshToken);
    for (const host of all) {
      const signedIn = await host.call("auth.login", { body: { identifier: username, password } });
      assertEquals((await right.call("read", { bearer: signedIn.data.tokens.accessToken })).status, 200);
      assert(Math.abs(Date.parse(signedIn.data.tokens.serverTime) - Date.now()) < 60_000);
    }
  }
});

Deno.test("F-23: an hour's error lengthens no access token: every instance ends it by the database's clock", async () => {
  const { right, all } = await startThree();
  await using _ = right;
  const tokens = await Promise.all(all.map(async (maker) => (await registerUser(maker)).tokens.accessToken));
  const judgeAll = async () => {
    const verdicts = new Set<string>();
    for (const judge of all) {
      for (const bearer of tokens) verdicts.add(describe(await judge.call("read", { bearer })));
    }
    return [...verdicts];
  };
  await moveDatabase(all, 560);
  assertEquals(await judgeAll(), ["200"]);
  await moveDatabase(all, 610);
  assertEquals(await judgeAll(), ["401 TOKEN_EXPIRED"]);
});

Deno.test("F-23: an hour's error lengthens no session: idle and absolute ends are the database's", async () => {
  const { right, behind, all } = await startThree();
  await using _ = right;
  const idle = await registerUser(behind);
  const kept = await registerUser(behind);
  await moveDatabase(all, 29 * 86_400);
  const successor = await rotate(behind, kept.tokens.refreshToken);
  await moveDatabase(all, 30 * 86_400 + 1);
  assertEquals(describe(await refresh(behind, idle.tokens.refreshToken)), "401 REFRESH_EXPIRED");
  assertEquals((await refresh(behind, successor)).status, 200);
});

Deno.test("F-23: an instance that is off by more than 30 s is not ready; one that is off by less is", async () => {
  const { right, ahead, behind } = await startThree();
  await using _ = right;
  const slightly = await right.startInstance({ clock: movableClock(25_000) });
  const statuses = [];
  for (const app of [right, slightly, ahead, behind]) statuses.push((await app.call("/health/ready")).status);
  assertEquals(statuses, [200, 200, 503, 503]);
});

Deno.test("F-23: a clock that is set back under way lets no ended token in, not even for a moment", async () => {
  const clock = movableClock();
  await using app = await startTestApp({ router: createProbeRouter(), clock });
  const { tokens } = await registerUser(app);
  await moveDatabase([app], 700);
  assertEquals(describe(await app.call("read", { bearer: tokens.accessToken })), "401 TOKEN_EXPIRED");
  clock.wallMs -= 300_000;
  assertEquals(describe(await app.call("read", { bearer: tokens.accessToken })), "401 TOKEN_EXPIRED");
});

Deno.test("F-23: a clock that is set back under way makes no good token a forged one", async () => {
  const clock = movableClock();
  await using app = await startTestApp({ router: createProbeRouter(), clock });
  const { tokens } = await registerUser(app);
  clock.wallMs -= HOUR_MS;
  assertEquals(describe(await app.call("read", { bearer: tokens.accessToken })), "200");
});

Deno.test("F-23: a clock that is set forward and back under way signs no client out", async () => {
  const clock = movableClock();
  await using app = await startTestApp({ router: createProbeRouter(), clock });
  using client = app.client({ clock: { wall: () => Date.now(), monotonic: () => performance.now() } });
  await client.register({ username: "ada", password });
  for (const step of [HOUR_MS, -2 * HOUR_MS, HOUR_MS]) {
    clock.wallMs += step;
    await client.trpc.auth.me.query().catch(() => {});
    assertEquals(client.state.status, "authenticated");
    await app.call("/health/ready");
    assertEquals((await client.trpc.auth.me.query()).user.username, "ada");
  }
});

interface Unattended extends AsyncDisposable {
  denylist: Denylist;
  clock: MovableClock;
  revoke(): Promise<DenylistQuestion>;
}

/** A denylist that was never started, so nothing but a question or a test makes it look. */
async function makeUnattended(): Promise<Unattended> {
  const database = await createTestDatabase();
  const store = connect({ databaseUrl: database.url });
  const clock = movableClock();
  const denylist = createDenylist({
    store,
    clock,
    databaseClock: createDatabaseClock(clock),
    log: createLog("error", () => {}),
    maxStalenessSeconds: 5,
    replicaMax: 1_000,
  });
  await denylist.refresh();
  return {
    denylist,
    clock,
    async revoke() {
      const sessionId = crypto.randomUUID();
      await database.sql`
        insert into denylist (session_id, expires_at) values (${sessionId}, now() + interval '11 minutes')`;
      return { sessionId, userId: crypto.randomUUID(), epoch: 0 };
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

Deno.test("F-23: a clock that is set forward under way makes the copy forget no revocation", async () => {
  await using unattended = await makeUnattended();
  const { denylist, clock } = unattended;
  const question = await unattended.revoke();
  await denylist.refresh();
  assertEquals(await denylist.isDenied(question, "replica"), true);
  clock.wallMs += HOUR_MS;
  await denylist.refresh();
  assertEquals(await denylist.isDenied(question, "replica"), true);
});

for (
  const [what, jump] of [
    ["a process that was stopped", { wallMs: 6_000, monotonicShiftMs: 6_000 }],
    ["a machine that was suspended, whose monotonic clock stood still", {
      wallMs: 6_000,
      monotonicShiftMs: 0,
    }],
  ] as const
) {
  Deno.test(`F-22: ${what} longer than S looks at the denylist before it answers`, async () => {
    await using unattended = await makeUnattended();
    const { denylist, clock } = unattended;
    const question = await unattended.revoke();
    assertEquals(await denylist.isDenied(question, "replica"), false);
    Object.assign(clock, jump);
    assertEquals(await denylist.isDenied(question, "replica"), true);
  });
}
