import { assert, assertEquals } from "@std/assert";
import type { Hooks } from "@watchword/server";
import { sql as expression } from "drizzle-orm";
import { z } from "zod";
import { password, registerUser, startTestApp, type TestApp } from "../kit/app.ts";
import { decodeToken } from "../kit/jwt.ts";
import { login, startHooked } from "./hooked_app.ts";

const countSessions = async ({ database }: TestApp) =>
  (await database.sql`select count(*)::int as count from sessions`)[0]?.["count"];

Deno.test("what an app's code changes in what it is told becomes no role and no proof, and is in no answer", async () => {
  const widen = (event: object) => {
    for (const list of [Reflect.get(Reflect.get(event, "user") ?? {}, "roles"), Reflect.get(event, "amr")]) {
      (list as string[] | undefined)?.push("c4nary");
    }
  };
  const hooks: Hooks = { beforeRegister: widen, afterRegister: widen, beforeLogin: widen, afterLogin: widen };
  await using app = await startTestApp({
    hooks,
    claims: {
      schema: z.object({}),
      make({ roles }) {
        roles.push("c4nary");
        return {};
      },
    },
  });
  await registerUser(app, "ada");
  const signedIn = await login(app, "ada");
  const { roles, amr } = decodeToken(signedIn.data.tokens.accessToken).claims;
  assertEquals([roles, amr], [[], ["pwd"]]);
  const me = await app.call("auth.me", { bearer: signedIn.data.tokens.accessToken });
  assert(!(signedIn.text + me.text).includes("c4nary"));
});

Deno.test("a hook cannot end the transaction that it is in: its call fails, and nothing of it stays", async () => {
  let statement = "";
  await using app = await startHooked({
    async beforeLogin({ tx }) {
      await tx.execute(expression.raw(statement));
    },
  });
  await registerUser(app, "ada");
  const ending = [
    "commit",
    "  COMMIT AND CHAIN",
    ";;commit",
    "-- a\ncommit",
    "-- a\rcommit",
    "/* a */ commit",
    "/* a /* b */ c */ commit",
    "select 1; commit",
    "end",
    "rollback",
    "abort",
    "rollback to hook_0; commit",
    "begin",
    "start transaction",
    "prepare transaction 'x'",
    "do $$ begin commit; end $$",
  ];
  for (statement of ending) {
    const answer = await login(app, "ada");
    assertEquals([statement, answer.status, await countSessions(app)], [statement, 500, 1]);
  }
  const harmless = [
    "select 'commit'",
    "/* commit */ select 1",
    "-- commit\nselect 1",
    "savepoint a",
    "with commit as (select 1) select * from commit",
  ];
  for (statement of harmless) assertEquals([statement, (await login(app, "ada")).status], [statement, 200]);
  assertEquals(await countSessions(app), 1 + harmless.length);
});

Deno.test("hooks that dawdle have half of the database between them: everybody else is served meanwhile", async () => {
  const gate = Promise.withResolvers<void>();
  await using app = await startTestApp({
    hooks: { beforeRegister: ({ user }) => user.username === "ada" ? undefined : gate.promise },
  });
  const { tokens } = await registerUser(app, "ada");
  const register = (username: string) => app.call("auth.register", { body: { username, password } });
  let isOver = false;
  const slow = Promise.all(Array.from({ length: 12 }, (_, index) => register(`slow-${index}`)))
    .finally(() => isOver = true);
  const held = new Set<number>();
  const statuses: number[] = [];
  while (!isOver) {
    const [row] = await app.database.sql`select count(*)::int as count from pg_stat_activity
      where datname = current_database() and state = 'idle in transaction'`;
    held.add(row?.["count"]);
    if (row?.["count"] === 5) {
      statuses.push((await app.call("auth.me", { bearer: tokens.accessToken })).status);
    }
    if (statuses.length >= 20) gate.resolve();
  }
  assertEquals([Math.max(...held), new Set(statuses)], [5, new Set([200])]);
  gate.resolve();
  await slow;
});
