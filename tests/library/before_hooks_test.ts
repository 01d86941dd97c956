import { assert, assertEquals, assertRejects } from "@std/assert";
import { TRPCError } from "@trpc/server";
import { eq, sql as expression } from "drizzle-orm";
import { AuthError, type Hooks } from "@watchword/server";
import { waitForAuditEvents } from "../attacks/state.ts";
import { eventually } from "../faults/probe_app.ts";
import { password, registerUser, type TestApp } from "../kit/app.ts";
import { profiles } from "./app_schema.ts";
import { login, startHooked } from "./hooked_app.ts";

const register = (app: TestApp, username: string) =>
  app.call("auth.register", { body: { username, password } });

/** What a refused registration must not leave behind. */
async function countRows(app: TestApp): Promise<Record<string, number>> {
  const [row] = await app.database.sql`
    select (select count(*)::int from users) as users, (select count(*)::int from sessions) as sessions,
      (select count(*)::int from profiles) as profiles,
      (select count(*)::int from audit_events where ok) as events`;
  return { ...row };
}
const nothing = { users: 0, sessions: 0, profiles: 0, events: 0 };

const makesProfile: Hooks = {
  async beforeRegister({ user, tx }) {
    await tx.insert(profiles).values({ userId: user.id, displayName: user.username ?? "" });
  },
};

Deno.test("what beforeRegister writes is committed with the user, or not at all", async () => {
  await using app = await startHooked(makesProfile);
  const { user } = await registerUser(app, "ada");
  const rows = await app.database.sql`select user_id, display_name from profiles`;
  assertEquals([...rows], [{ user_id: user.id, display_name: "ada" }]);
  assertEquals((await register(app, "ada")).auth?.reason, "IDENTIFIER_TAKEN");
  assertEquals(await countRows(app), { users: 1, sessions: 1, profiles: 1, events: 1 });
});

Deno.test("a reason that beforeRegister throws is the answer, and nothing of the registration stays", async () => {
  await using app = await startHooked({
    async beforeRegister(event) {
      await makesProfile.beforeRegister?.(event);
      throw new AuthError("REGISTRATION_CLOSED");
    },
  });
  const answer = await register(app, "ada");
  assertEquals([answer.status, answer.auth], [403, { reason: "REGISTRATION_CLOSED", executed: true }]);
  assertEquals(await countRows(app), nothing);
});

Deno.test("an error of the app's own reaches the client as the app made it", async () => {
  await using app = await startHooked({
    beforeRegister() {
      throw new TRPCError({ code: "PRECONDITION_FAILED", message: "an invitation is needed" });
    },
  });
  const answer = await register(app, "ada");
  const { error } = JSON.parse(answer.text);
  assertEquals([answer.status, error.message, error.data.auth], [412, "an invitation is needed", undefined]);
  assertEquals(await countRows(app), nothing);
});

Deno.test("a bug in a hook is INTERNAL without its text, in the answer and in the log", async () => {
  await using app = await startHooked({
    beforeRegister() {
      throw new Error("postgres://secret");
    },
  });
  const answer = await register(app, "ada");
  assertEquals([answer.status, answer.auth?.reason], [500, "INTERNAL"]);
  assertEquals((answer.text + app.logs.join()).includes("secret"), false);
  assertEquals(await countRows(app), nothing);
});

Deno.test("a hook that swallows a database error refuses all the same: no session without its rows", async () => {
  await using app = await startHooked({
    async beforeRegister({ tx }) {
      await tx.execute(expression`select 1 / 0`).catch(() => {});
    },
  });
  assertEquals((await register(app, "ada")).auth?.reason, "INTERNAL");
  assertEquals(await countRows(app), nothing);
});

Deno.test("a nested transaction of a hook is a savepoint: it may fail, and the registration go on", async () => {
  await using app = await startHooked({
    async beforeRegister(event) {
      await assertRejects(() => event.tx.transaction((inner) => inner.execute(expression`select 1 / 0`)));
      await event.tx.transaction(async (inner) => {
        await inner.transaction((innermost) =>
          innermost.insert(profiles).values({
            userId: event.user.id,
            displayName: "nested",
          })
        );
      });
    },
  });
  await registerUser(app, "ada");
  assertEquals(await countRows(app), { users: 1, sessions: 1, profiles: 1, events: 1 });
});

Deno.test("a hook that hangs is UNAVAILABLE after a second, rolled back, and its handle is dead", async () => {
  let late: Promise<unknown> | undefined;
  await using app = await startHooked({
    async beforeRegister({ user, tx }) {
      if (user.username !== "slow") return;
      await tx.insert(profiles).values({ userId: user.id, displayName: "slow" });
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      late = tx.execute(expression`insert into profiles values (${user.id}, 'late')`);
      await late;
    },
  });
  const answer = await register(app, "slow");
  assertEquals([answer.status, answer.auth?.reason, answer.headers.get("retry-after")], [
    503,
    "UNAVAILABLE",
    "1",
  ]);
  assertEquals(await countRows(app), nothing);
  assert(app.logs.some((line) => line.includes('"hook too slow"') && line.includes("beforeRegister")));
  // The connection serves others by the time that the late statement comes.
  await registerUser(app, "ada");
  await eventually("the late statement was sent", 3_000, () => late !== undefined);
  await assertRejects(async () => await late, Error);
  assertEquals((await countRows(app)).profiles, 0);
});

Deno.test("hooks that hang take no place for good: everybody after them is served", async () => {
  await using app = await startHooked({
    beforeRegister: ({ user }) => user.username === "ada" ? undefined : new Promise(() => {}),
  });
  const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => register(app, `slow-${index}`)));
  assertEquals(new Set(answers.map(({ auth }) => auth?.reason)), new Set(["UNAVAILABLE"]));
  await registerUser(app, "ada");
  await eventually("no transaction is left open", 3_000, async () => {
    const [open] = await app.database.sql`
      select 1 from pg_stat_activity
      where datname = current_database() and state like 'idle in transaction%'`;
    return open === undefined;
  });
});

Deno.test("beforeLogin sees who signs in, writes in the same commit, and may refuse", async () => {
  await using app = await startHooked({
    ...makesProfile,
    async beforeLogin({ user, amr, tx }) {
      assertEquals(amr, ["pwd"]);
      const [profile] = await tx.update(profiles).set({
        signInCount: expression`${profiles.signInCount} + 1`,
      })
        .where(eq(profiles.userId, user.id)).returning();
      if ((profile?.signInCount ?? 0) > 2) throw new AuthError("FORBIDDEN");
    },
  });
  await registerUser(app, "ada");
  assertEquals((await login(app, "ada")).status, 200);
  assertEquals((await login(app, "ada")).status, 200);
  const refused = await login(app, "ada");
  assertEquals([refused.status, refused.auth?.reason], [403, "FORBIDDEN"]);
  const [profile] = await app.database.sql`select sign_in_count from profiles`;
  assertEquals([profile?.["sign_in_count"], (await countRows(app))["sessions"]], [2, 3]);
});

Deno.test("a wrong password runs no hook", async () => {
  const ran: string[] = [];
  await using app = await startHooked({
    beforeLogin: () => void ran.push("before"),
    afterLogin: () => void ran.push("after"),
  });
  await registerUser(app, "ada");
  await app.call("auth.login", { body: { identifier: "ada", password: "wrong password!" } });
  assertEquals(ran, []);
});

Deno.test("a hook's refusal leaves a row in the audit trail, though all else is rolled back", async () => {
  let thrown: unknown;
  const refuse = () => {
    throw thrown;
  };
  await using app = await startHooked({
    beforeLogin: refuse,
    beforeRegister: ({ user }) => user.username === "bob" ? refuse() : undefined,
  });
  const { user } = await registerUser(app, "ada");
  const cases: [thrown: unknown, reason: string][] = [
    [new AuthError("FORBIDDEN"), "FORBIDDEN"],
    [new TRPCError({ code: "PRECONDITION_FAILED" }), "PRECONDITION_FAILED"],
    [new Error("a bug"), "INTERNAL"],
  ];
  for (const [error, reason] of cases) {
    thrown = error;
    await app.database.sql`delete from audit_events`;
    const answers = [await login(app, "ada"), await register(app, "bob")];
    const requestIds = answers.map(({ headers }) => headers.get("x-request-id"));
    await waitForAuditEvents(app.database.sql, 2);
    const rows = await app.database.sql`
      select event, ok, reason, user_id, request_id from audit_events order by id`;
    assertEquals([...rows], [
      { event: "login", ok: false, reason, user_id: user.id, request_id: requestIds[0] },
      { event: "register", ok: false, reason, user_id: null, request_id: requestIds[1] },
    ]);
  }
});

Deno.test("whom a hook tells to wait is told how long: a second, unless the hook says", async () => {
  let thrown: AuthError | undefined;
  await using app = await startHooked({
    beforeRegister() {
      throw thrown;
    },
  });
  const ask = async (error: AuthError) => {
    thrown = error;
    const { auth, headers } = await register(app, "ada");
    return [auth?.retryAfterSeconds, headers.get("retry-after")];
  };
  for (const reason of ["RATE_LIMITED", "OVERLOADED", "UNAVAILABLE"] as const) {
    assertEquals([reason, ...await ask(new AuthError(reason))], [reason, 1, "1"]);
  }
  assertEquals(await ask(new AuthError("RATE_LIMITED", { retryAfterSeconds: 60 })), [60, "60"]);
  assertEquals(await ask(new AuthError("FORBIDDEN")), [undefined, null]);
});
