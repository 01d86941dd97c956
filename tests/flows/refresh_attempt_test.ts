import { assertEquals } from "@std/assert";
import { registerUser, startTestApp } from "../kit/app.ts";
import { makeAttemptId, outcome, readSession, refresh, rotate } from "../kit/sessions.ts";

Deno.test("A-036: the same attempt is answered alike an hour and almost a day later", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  const attempt = makeAttemptId();
  const successor = await rotate(app, tokens.refreshToken, attempt);
  await app.advance(3_600);
  assertEquals(await rotate(app, tokens.refreshToken, attempt), successor);
  await app.advance(82_700);
  const { data } = await refresh(app, tokens.refreshToken, attempt);
  assertEquals([data.refreshToken, data.generation], [successor, 1]);
  assertEquals((await app.call("auth.me", { bearer: data.accessToken })).status, 200);
});

Deno.test("the same attempt after the replay window is reuse", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  const attempt = makeAttemptId();
  await rotate(app, tokens.refreshToken, attempt);
  await app.advance(86_401);
  assertEquals(outcome(await refresh(app, tokens.refreshToken, attempt)), "401 REFRESH_REUSED");
});

Deno.test("a repeated answer does not prolong the replay window or the leeway", async () => {
  await using app = await startTestApp({ refreshLeewaySeconds: 10 });
  const { tokens } = await registerUser(app);
  await rotate(app, tokens.refreshToken);
  await app.advance(4);
  await rotate(app, tokens.refreshToken);
  await app.advance(7);
  assertEquals(outcome(await refresh(app, tokens.refreshToken)), "401 REFRESH_REUSED");
});

Deno.test("A-035: another attempt after the leeway is reuse, inside the replay window too", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  await rotate(app, tokens.refreshToken, makeAttemptId());
  await app.advance(60);
  assertEquals(outcome(await refresh(app, tokens.refreshToken, makeAttemptId())), "401 REFRESH_REUSED");
});

for (
  const [what, first, second] of [
    ["neither refresh has an attempt id", undefined, undefined],
    ["only the first has one", makeAttemptId(), undefined],
    ["only the second has one", undefined, makeAttemptId()],
  ] as const
) {
  Deno.test(`no attempt id never equals another: ${what}, so only the leeway counts`, async () => {
    await using app = await startTestApp();
    const { tokens } = await registerUser(app);
    const successor = await rotate(app, tokens.refreshToken, first);
    await app.advance(4);
    assertEquals(await rotate(app, tokens.refreshToken, second), successor);
    await app.advance(7);
    assertEquals(outcome(await refresh(app, tokens.refreshToken, second)), "401 REFRESH_REUSED");
  });
}

Deno.test("a leeway of 0 works: another attempt is reuse at once, the same one is not", async () => {
  await using app = await startTestApp({ refreshLeewaySeconds: 0 });
  const { tokens } = await registerUser(app);
  const attempt = makeAttemptId();
  const successor = await rotate(app, tokens.refreshToken, attempt);
  assertEquals(await rotate(app, tokens.refreshToken, attempt), successor);
  assertEquals(outcome(await refresh(app, tokens.refreshToken)), "401 REFRESH_REUSED");
});

Deno.test("a leeway of 0 and no replay window give nobody a second answer", async () => {
  await using app = await startTestApp({ refreshLeewaySeconds: 0, refreshReplayWindowSeconds: 0 });
  const { tokens } = await registerUser(app);
  const attempt = makeAttemptId();
  await rotate(app, tokens.refreshToken, attempt);
  assertEquals(outcome(await refresh(app, tokens.refreshToken, attempt)), "401 REFRESH_REUSED");
});

Deno.test("an attempt id belongs to one rotation: the next rotation has its own", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  const attempt = makeAttemptId();
  const second = await rotate(app, tokens.refreshToken, attempt);
  const third = await rotate(app, second);
  await app.advance(60);
  assertEquals(outcome(await refresh(app, second, attempt)), "401 REFRESH_REUSED");
  assertEquals(outcome(await refresh(app, third)), "401 SESSION_REVOKED");
});

Deno.test("only SHA-256 of an attempt id is stored", async () => {
  await using app = await startTestApp();
  const { tokens } = await registerUser(app);
  const attempt = makeAttemptId();
  await rotate(app, tokens.refreshToken, attempt);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(attempt)));
  assertEquals(new Uint8Array((await readSession(app, tokens.sessionId)).attempt_hash ?? []), hash);
});
