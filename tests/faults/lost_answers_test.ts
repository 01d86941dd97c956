import { assertEquals } from "@std/assert";
import { password, type RawAnswer, registerUser } from "../kit/app.ts";
import { makeAttemptId, readSession, refresh } from "../kit/sessions.ts";
import { describe, startSplitApp, unavailable } from "./probe_app.ts";

const wasExecuted = ({ auth }: RawAnswer) => auth?.executed;

Deno.test("F-04: a rotation whose reply is lost is 503, and its attempt is then given the one successor", async () => {
  await using app = await startSplitApp();
  const { tokens } = await registerUser(app.near);
  const attemptId = makeAttemptId();
  const cut = app.proxy.cutBeforeReply("UPDATE 1");
  const lost = await refresh(app.far, tokens.refreshToken, attemptId);
  await cut;
  assertEquals([describe(lost), wasExecuted(lost)], [unavailable, true]);
  assertEquals((await readSession(app.near, tokens.sessionId)).generation, 1);

  const again = await refresh(app.far, tokens.refreshToken, attemptId);
  const elsewhere = await refresh(app.near, tokens.refreshToken, attemptId);
  assertEquals([again.status, elsewhere.status], [200, 200]);
  assertEquals([again.data.generation, elsewhere.data.generation], [1, 1]);
  assertEquals(elsewhere.data.refreshToken, again.data.refreshToken);
  assertEquals((await refresh(app.far, again.data.refreshToken, makeAttemptId())).data.generation, 2);
});

Deno.test("F-04: a repeated rotation whose reply is lost is repeated once more", async () => {
  await using app = await startSplitApp();
  const { tokens } = await registerUser(app.near);
  const attemptId = makeAttemptId();
  const first = await refresh(app.far, tokens.refreshToken, attemptId);
  const cut = app.proxy.cutBeforeReply("COMMIT");
  const lost = await refresh(app.far, tokens.refreshToken, attemptId);
  await cut;
  assertEquals(describe(lost), unavailable);
  const again = await refresh(app.far, tokens.refreshToken, attemptId);
  assertEquals(again.data.refreshToken, first.data.refreshToken);
});

Deno.test("F-04: a registration whose reply is lost is 503, and has happened once", async () => {
  await using app = await startSplitApp();
  const body = { username: "ada", password };
  const cut = app.proxy.cutBeforeReply("COMMIT");
  const lost = await app.far.call("auth.register", { body });
  await cut;
  assertEquals([describe(lost), wasExecuted(lost)], [unavailable, true]);
  assertEquals(describe(await app.far.call("auth.register", { body })), "409 IDENTIFIER_TAKEN");
  assertEquals((await app.far.call("auth.login", { body: { identifier: "ada", password } })).status, 200);
});

Deno.test("F-04: a logout whose reply is lost is 503, holds everywhere, and can be repeated", async () => {
  await using app = await startSplitApp();
  const { tokens } = await registerUser(app.near);
  const bearer = tokens.accessToken;
  const cut = app.proxy.cutBeforeReply("COMMIT");
  const lost = await app.far.call("auth.logout", { body: {}, bearer });
  await cut;
  assertEquals([describe(lost), wasExecuted(lost)], [unavailable, true]);
  for (const instance of [app.near, app.far]) {
    assertEquals(describe(await instance.call("read", { bearer })), "401 SESSION_REVOKED");
  }
  assertEquals((await app.far.call("auth.logout", { body: {}, bearer })).status, 200);
  const [row] = await app.near.database.sql<{ count: number }[]>`select count(*)::int as count from denylist`;
  assertEquals(row?.count, 1);
});

Deno.test("F-02: a client whose rotation's reply is lost goes on without a sign-in", async () => {
  await using app = await startSplitApp();
  using client = app.far.client({ refreshAheadSeconds: 0 });
  await client.register({ username: "ada", password });
  await app.near.advance(3_600);
  const cut = app.proxy.cutBeforeReply("UPDATE 1");
  const failed = await client.trpc.auth.me.query().then(() => "succeeded", (error) => error.cause?.code);
  await cut;
  assertEquals(failed, "unreachable");
  assertEquals(client.state.status, "authenticated");
  await app.near.advance(60);
  assertEquals((await client.trpc.auth.me.query()).user.username, "ada");
});

Deno.test("F-11: a lock on one user's rows is 503 for that user only", async () => {
  await using app = await startSplitApp();
  const held = await registerUser(app.near);
  const free = await registerUser(app.near);
  const signIn = (username: string) =>
    app.far.call("auth.login", { body: { identifier: username, password } });
  await app.near.database.sql.begin(async (tx) => {
    await tx`select 1 from users where id = ${held.user.id} for update`;
    await tx`select 1 from sessions where id = ${held.tokens.sessionId} for update`;
    const blocked = [
      signIn(held.username),
      refresh(app.far, held.tokens.refreshToken),
      app.far.call("auth.logout", { body: {}, bearer: held.tokens.accessToken }),
    ];
    const others = [
      signIn(free.username),
      refresh(app.far, free.tokens.refreshToken),
      app.far.call("read", { bearer: free.tokens.accessToken }),
      app.far.call("read", { bearer: held.tokens.accessToken }),
    ];
    for (const answer of others) assertEquals((await answer).status, 200);
    for (const answer of blocked) assertEquals(describe(await answer), unavailable);
  });
  assertEquals((await signIn(held.username)).status, 200);
  assertEquals((await refresh(app.far, held.tokens.refreshToken)).status, 200);
});

Deno.test("F-08: a client is signed out by no outage, whether its token is good or over", async () => {
  await using app = await startSplitApp();
  using client = app.far.client({ refreshAheadSeconds: 0, timeoutMs: 3_000 });
  await client.register({ username: "ada", password });
  const states = new Set<string>();
  client.subscribe(() => states.add(client.state.status));
  for (const mode of ["refuse", "reset", "blackhole"] as const) {
    await app.proxy.set(mode);
    await client.trpc.auth.me.query().catch(() => {});
    await app.proxy.set("pass");
    // The outage lasts past the end of the token, so that it has to be refreshed in the middle of the next.
    await app.near.advance(3_600);
    await app.proxy.set(mode);
    await client.trpc.auth.me.query().catch(() => {});
    await client.getAccessToken().catch(() => null);
    await app.proxy.set("pass");
    await app.near.advance(60);
    assertEquals((await client.trpc.auth.me.query()).user.username, "ada", mode);
  }
  assertEquals([...states], ["authenticated"]);
});
