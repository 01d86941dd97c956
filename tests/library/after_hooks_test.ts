import { assert, assertEquals } from "@std/assert";
import type { HookRequest } from "@watchword/server";
import { eventually } from "../faults/probe_app.ts";
import { password, registerUser, type TestApp } from "../kit/app.ts";
import { login, startHooked } from "./hooked_app.ts";

Deno.test("after hooks run once their commit has happened, and are told who and from where", async () => {
  const told: { name: string; event: Record<string, unknown>; committed: boolean }[] = [];
  const started = Promise.withResolvers<TestApp["database"]["sql"]>();
  const tell =
    (name: string, table: "users" | "sessions") =>
    async (event: { request: HookRequest; user?: { id: string }; sessionId?: string }) => {
      const id = table === "users" ? event.user?.id : event.sessionId;
      const sql = await started.promise;
      const rows = await sql`select 1 from ${sql(table)} where id = ${id ?? null}`;
      told.push({ name, event, committed: rows.length === 1 });
    };
  await using app = await startHooked({
    afterRegister: tell("afterRegister", "users"),
    afterLogin: tell("afterLogin", "sessions"),
    afterLogout: tell("afterLogout", "sessions"),
  });
  started.resolve(app.database.sql);
  const { user } = await registerUser(app, "ada");
  const { data } = await login(app, "ada");
  await app.call("auth.logout", { body: {}, bearer: data.tokens.accessToken });
  await app.call("auth.logout", { body: {}, bearer: data.tokens.accessToken });
  await eventually("all were told", 3_000, () => told.length === 3);
  // Each asked the database a question of its own before it told.
  told.sort((a, b) => a.name < b.name ? 1 : -1);
  assertEquals(told.map(({ name, committed }) => [name, committed]), [
    ["afterRegister", true],
    ["afterLogout", true],
    ["afterLogin", true],
  ]);
  const [registered, signedOut, signedIn] = told.map(({ event }) => event);
  assertEquals(Object.keys(registered ?? {}).sort(), ["request", "user"]);
  assertEquals([signedIn?.["sessionId"], signedIn?.["amr"]], [data.tokens.sessionId, ["pwd"]]);
  assertEquals(
    [signedOut?.["userId"], signedOut?.["sessionId"], signedOut?.["scope"]],
    [user.id, data.tokens.sessionId, "this"],
  );
  const request = signedIn?.["request"] as HookRequest;
  assertEquals([Object.keys(request).sort(), request.ip], [["ip", "requestId", "userAgent"], "127.0.0.1"]);
});

Deno.test("no hook is given a password, a token or a hash", async () => {
  const seen: unknown[] = [];
  const look = (event: object) => void seen.push({ ...event, tx: undefined });
  await using app = await startHooked({
    beforeRegister: look,
    afterRegister: look,
    beforeLogin: look,
    afterLogin: look,
    afterLogout: look,
    onReuse: look,
  }, { refreshLeewaySeconds: 0 });
  await registerUser(app, "ada");
  const { tokens } = (await login(app, "ada")).data;
  const refresh = () => app.call("auth.refresh", { body: { refreshToken: tokens.refreshToken } });
  await refresh();
  await refresh();
  const other = (await login(app, "ada")).data.tokens;
  await app.call("auth.logout", { body: { scope: "all" }, bearer: other.accessToken });
  await eventually("all have run", 3_000, () => seen.length === 8);
  const text = JSON.stringify(seen);
  for (const secret of [password, tokens.accessToken, tokens.refreshToken, "argon2", "eyJ", "hash"]) {
    assert(!text.includes(secret), `a hook was given ${secret}`);
  }
});

Deno.test("onReuse is told once, whoever replays how often", async () => {
  const told: { userId: string; sessionId: string }[] = [];
  await using app = await startHooked({
    onReuse: ({ userId, sessionId }) => void told.push({ userId, sessionId }),
  }, { refreshLeewaySeconds: 0 });
  const { user, tokens } = await registerUser(app, "ada");
  const refresh = () => app.call("auth.refresh", { body: { refreshToken: tokens.refreshToken } });
  assertEquals((await refresh()).status, 200);
  assertEquals((await refresh()).auth?.reason, "REFRESH_REUSED");
  assertEquals((await refresh()).auth?.reason, "SESSION_REVOKED");
  assertEquals(told, [{ userId: user.id, sessionId: tokens.sessionId }]);
});

Deno.test("an after hook that fails or hangs changes no answer, and is in the log", async () => {
  await using app = await startHooked({
    afterRegister() {
      throw new Error("sk-secret");
    },
    afterLogin: () => new Promise(() => {}),
  });
  await registerUser(app, "ada");
  assertEquals((await login(app, "ada")).status, 200);
  await eventually("it is in the log", 3_000, () => app.logs.some((line) => line.includes('"hook failed"')));
  assertEquals(app.logs.join().includes("sk-secret"), false);
});

Deno.test("close waits for the after hooks that are under way", async () => {
  let finished = false;
  const app = await startHooked({
    async afterRegister() {
      await new Promise((resolve) => setTimeout(resolve, 300));
      finished = true;
    },
  });
  await registerUser(app, "ada");
  assertEquals(finished, false);
  await app[Symbol.asyncDispose]();
  assertEquals(finished, true);
});
