import { assert, assertEquals } from "@std/assert";
import { atOnce } from "../attacks/kit.ts";
import { countAuditEvents } from "../attacks/state.ts";
import { registerUser, startTestApp, type TestApp } from "../kit/app.ts";
import { pause } from "./probe_app.ts";

/** Access tokens of sessions that have ended, whose every first use is a row of the audit trail. */
async function makeDeadTokens(app: TestApp, count: number): Promise<string[]> {
  return await atOnce(count, async () => {
    const { tokens: { accessToken } } = await registerUser(app);
    await app.call("auth.logout", { bearer: accessToken, body: {} });
    return accessToken;
  });
}

/** How many rows are written at once. */
const PLACES = 2;

Deno.test("an audit trail that cannot be written keeps nobody from being served, and no row is lost in silence", async () => {
  await using app = await startTestApp();
  const { sql } = app.database;
  const dead: string[] = [];
  while (dead.length < 180) dead.push(...await makeDeadTokens(app, 20));
  const { tokens: live } = await registerUser(app);
  const before = await countAuditEvents(sql);
  await sql.begin(async (tx) => {
    await tx`lock table audit_events in access exclusive mode`;
    const refusals: Promise<string | undefined>[] = [];
    const served: Promise<number>[] = [];
    for (const bearer of dead) {
      refusals.push(app.call("auth.me", { bearer }).then(({ auth }) => auth?.reason));
      if (refusals.length % 10 === 0) {
        served.push(
          app.call("auth.sessions.list", { bearer: live.accessToken }).then(({ status }) => status),
        );
      }
      await pause(20);
    }
    assertEquals(new Set(await Promise.all(refusals)), new Set(["SESSION_REVOKED"]));
    assertEquals(new Set(await Promise.all(served)), new Set([200]));
  });
  await app.auth.close();
  const lost = app.logs.filter((line) => line.includes("audit event lost")).length;
  assert(await countAuditEvents(sql) - before + lost >= dead.length);
});

Deno.test("close waits for the rows that are being written", async () => {
  await using app = await startTestApp();
  const other = await app.startInstance();
  const { sql } = app.database;
  const dead = await makeDeadTokens(app, 12);
  const before = await countAuditEvents(sql);
  let closed = Promise.resolve();
  await sql.begin(async (tx) => {
    await tx`lock table audit_events in access exclusive mode`;
    await Promise.all(dead.map((bearer) => other.call("auth.me", { bearer })));
    closed = other.auth.close();
    await pause(100);
  });
  await closed;
  // Those that had a place would be written anyway; the others wait for one.
  assert(await countAuditEvents(sql) - before > PLACES);
});
