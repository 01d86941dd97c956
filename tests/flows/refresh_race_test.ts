import { assert, assertEquals } from "@std/assert";
import { registerUser, startTestApp } from "../kit/app.ts";
import { sendUntilServed } from "../kit/send_until_served.ts";
import { makeAttemptId, outcome, readSession, refresh } from "../kit/sessions.ts";

Deno.test("A-032: 40 parallel refreshes of one token get the same successor and rotate once", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  const answers = await Promise.all(
    Array.from({ length: 40 }, makeAttemptId).map((attemptId) =>
      sendUntilServed(() => refresh(app, tokens.refreshToken, attemptId))
    ),
  );
  assertEquals(answers.map(({ status }) => status), Array(40).fill(200));
  assertEquals(new Set(answers.map(({ data }) => data.refreshToken)).size, 1);
  assertEquals((await readSession(app, tokens.sessionId)).generation, 1);
});

Deno.test("A-032: two instances asked at once agree on the successor", async () => {
  await using app = await startTestApp();
  const other = await app.startInstance();
  const { tokens } = await registerUser(app);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => refresh(i % 2 ? app : other, tokens.refreshToken)),
  );
  assertEquals(new Set(answers.map(({ data }) => data?.refreshToken)).size, 1);
  assertEquals((await readSession(app, tokens.sessionId)).generation, 1);
});

Deno.test("A-032: with a leeway of 0, of two attempts at once one wins and the session is not forked", async () => {
  await using app = await startTestApp({ refreshLeewaySeconds: 0 });
  const { tokens } = await registerUser(app);
  const answers = await Promise.all([1, 2].map(() => refresh(app, tokens.refreshToken, makeAttemptId())));
  assertEquals(answers.map(outcome).sort(), ["200", "401 REFRESH_REUSED"]);
  const winner = answers.find(({ status }) => status === 200);
  assertEquals(outcome(await refresh(app, winner?.data.refreshToken)), "401 SESSION_REVOKED");
});

Deno.test("A-038: a refresh that races a logout leaves nothing that works", async () => {
  await using app = await startTestApp();
  for (let round = 0; round < 15; round++) {
    const { tokens } = await registerUser(app);
    const [refreshed, loggedOut] = await Promise.all([
      refresh(app, tokens.refreshToken),
      app.call("auth.logout", { body: {}, bearer: tokens.accessToken }),
    ]);
    assertEquals(loggedOut.status, 200);
    assert(["200", "401 SESSION_REVOKED"].includes(outcome(refreshed)), outcome(refreshed));
    const last = refreshed.data ?? tokens;
    assertEquals(outcome(await refresh(app, last.refreshToken)), "401 SESSION_REVOKED");
    assertEquals(outcome(await app.call("auth.me", { bearer: last.accessToken })), "401 SESSION_REVOKED");
  }
});

Deno.test("A-039: a refresh that races a logout of all leaves nothing that works", async () => {
  await using app = await startTestApp();
  for (let round = 0; round < 15; round++) {
    const { tokens } = await registerUser(app);
    const [refreshed] = await Promise.all([
      refresh(app, tokens.refreshToken),
      app.call("auth.logout", { body: { scope: "all" }, bearer: tokens.accessToken }),
    ]);
    const last = refreshed.data ?? tokens;
    assertEquals(outcome(await refresh(app, last.refreshToken)), "401 SESSION_REVOKED");
    assertEquals(outcome(await app.call("auth.me", { bearer: last.accessToken })), "401 SESSION_REVOKED");
  }
});
