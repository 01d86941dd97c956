import { assertEquals, assertNotEquals } from "@std/assert";
import { password } from "../kit/app.ts";
import { type Lane, openLane } from "./lane.ts";

const rules = {
  instanceCount: 2,
  accessSeconds: 20,
  idleSeconds: 120,
  absoluteSeconds: 300,
  leewaySeconds: 10,
  replaySeconds: 60,
};

async function addUser(lane: Lane) {
  const [user] = await lane.addUsers(1);
  if (user === undefined) throw new Error("no user was added");
  return user;
}

async function logIn(lane: Lane, identifier: string) {
  const answer = await lane.ask(0, { path: "auth.login", input: { identifier, password } });
  assertEquals(answer.status, 200);
  return answer.data.tokens as { accessToken: string; refreshToken: string; sessionId: string };
}

/** Waits until so many others wait for a lock: they have judged what they go by, and not acted on it. */
async function waitForWaiters({ database: { sql } }: Lane, count: number): Promise<void> {
  const giveUpAt = performance.now() + 5_000;
  while (performance.now() < giveUpAt) {
    const waiting = await sql`select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    if (waiting.length >= count) return;
  }
  throw new Error("nobody waits for the lock");
}

/** Lets two sessions of one user sign out the others at once. @returns the answers, and what each session is then */
async function crossLogouts(lane: Lane, triesLeft = 5): Promise<{ outcomes: string[]; looks: string[] }> {
  const user = await addUser(lane);
  const both = [await logIn(lane, user.username), await logIn(lane, user.username)];
  const answers = await lane.database.sql.begin(async (tx) => {
    await tx`select from users where id = ${user.id} for update`;
    const crossing = Promise.all(
      both.map(({ accessToken }, instance) =>
        lane.ask(instance, { path: "auth.logout", input: { scope: "others" }, bearer: accessToken })
      ),
    );
    await waitForWaiters(lane, 2);
    return { crossing };
  });
  const outcomes = (await answers.crossing).map(({ reason }) => reason ?? "ok").toSorted();
  // Whoever waits a second for a lock is put off: the machine was too busy for a crossing.
  if (outcomes.includes("UNAVAILABLE") && triesLeft > 1) return await crossLogouts(lane, triesLeft - 1);
  const looks = await Promise.all(
    both.map(({ accessToken }) => lane.ask(0, { path: "auth.me", bearer: accessToken })),
  );
  return { outcomes, looks: looks.map(({ reason }) => reason ?? "ok").toSorted() };
}

Deno.test("two sessions that sign out the others at once leave one of them signed in", async () => {
  await using lane = await openLane(rules);
  const { outcomes, looks } = await crossLogouts(lane);
  assertEquals(looks, ["SESSION_REVOKED", "ok"]);
  assertEquals(outcomes, ["SESSION_REVOKED", "ok"]);
});

Deno.test("a client ahead of a database that lost commits is no thief when another tab catches up meanwhile", async () => {
  await using lane = await openLane(rules);
  const { sql } = lane.database;
  const user = await addUser(lane);
  const { sessionId, refreshToken, accessToken } = await logIn(lane, user.username);
  const refresh = (instance: number, token: string) =>
    lane.ask(instance, { path: "auth.refresh", input: { refreshToken: token } });

  await sql`create table before as select * from sessions where id = ${sessionId}`;
  const ahead = (await refresh(0, refreshToken)).data.refreshToken as string;
  await sql`create table after as select * from sessions where id = ${sessionId}`;
  await sql`delete from sessions where id = ${sessionId}`;
  await sql`insert into sessions select * from before`;

  const { crossing } = await sql.begin(async (tx) => {
    await tx`select from sessions where id = ${sessionId} for update`;
    const crossing = refresh(0, ahead);
    await waitForWaiters(lane, 1);
    // What the other tab's refresh does, in the moment between the first look and the second.
    await tx`update sessions set (generation, current_hash, previous_hash, attempt_hash, rotated_at) =
      (select generation, current_hash, previous_hash, attempt_hash, rotated_at from after) where id = ${sessionId}`;
    return { crossing };
  });
  assertNotEquals((await crossing).reason, "REFRESH_REUSED");
  const look = await lane.ask(1, { path: "auth.me", bearer: accessToken });
  assertEquals(look.reason, null);
});
