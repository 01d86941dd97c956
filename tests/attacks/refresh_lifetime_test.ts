import { assert, assertEquals } from "@std/assert";
import { splitToken } from "./forge.ts";
import { attack, meOf, newAttemptId, refreshWith } from "./kit.ts";
import { rotate, signIn } from "./sign_in.ts";

const IDLE_SECONDS = 1_000;
const ABSOLUTE_SECONDS = 2_500;
const lifetimes = {
  refreshIdleTtlSeconds: IDLE_SECONDS,
  sessionAbsoluteTtlSeconds: ABSOLUTE_SECONDS,
  refreshLeewaySeconds: 10,
};
const expired = { reason: "REFRESH_EXPIRED", audit: "any", victimLives: false } as const;

attack("A-040: a session that was idle for too long is over", async (scene) => {
  const tokens = await signIn(scene.app, "victim");
  await scene.advance(IDLE_SECONDS - 20);
  const rotated = await rotate(scene.app, tokens.refreshToken);
  await scene.advance(IDLE_SECONDS + 1);
  await scene.refusesRefreshes({ "idle": rotated.refreshToken, "its parent": tokens.refreshToken }, expired);
}, lifetimes);

attack("A-040: no refresh carries a session or a token beyond its absolute end", async (scene) => {
  const { app, advance } = scene;
  let latest = await signIn(app, "victim");
  const [row] = await app.database.sql<{ end: number }[]>`
    select extract(epoch from absolute_expires_at)::float8 as end from sessions where id = ${latest.sessionId}`;
  const end = row?.end ?? 0;
  for (const seconds of [800, 800, 880]) {
    await advance(seconds);
    latest = await rotate(app, latest.refreshToken, newAttemptId());
    const { exp, iat } = splitToken(latest.accessToken).claims;
    assert(Number(exp) <= end, `exp ${exp} is after ${end}`);
    assert(Number(exp) >= Number(iat));
  }
  const answer = await refreshWith(app, latest.refreshToken, newAttemptId());
  assertEquals(answer.status, 200);
  const { expiresInSeconds, refreshExpiresInSeconds } = answer.data;
  assert(
    expiresInSeconds <= 20 && refreshExpiresInSeconds <= 20,
    answer.text.replaceAll(/"[\w.-]{60,}"/g, '"…"'),
  );
  latest = answer.data;
  await advance(21);
  await scene.refusesRefreshes({ "just refreshed": latest.refreshToken }, expired);
  await advance(10);
  assertEquals((await meOf(app, { tokens: latest })).auth?.reason, "TOKEN_EXPIRED");
}, lifetimes);

attack("A-040: a repeated answer revives no expired session", async (scene) => {
  const { app, advance } = scene;
  const attemptId = newAttemptId();
  const first = await signIn(app, "victim");
  await rotate(app, first.refreshToken, attemptId);
  await advance(IDLE_SECONDS + 1);
  await scene.refuses({ "the same attempt": () => refreshWith(app, first.refreshToken, attemptId) }, expired);
}, lifetimes);

attack("A-040: a used token of an expired session is expired, not stolen", async (scene) => {
  const { app, advance } = scene;
  const first = await signIn(app, "victim");
  const second = await rotate(app, first.refreshToken);
  await rotate(app, second.refreshToken);
  await advance(ABSOLUTE_SECONDS + 1);
  await scene.refusesRefreshes(
    { "two generations old": first.refreshToken, "one": second.refreshToken },
    expired,
  );
}, lifetimes);

attack(
  "A-040: an access token outlives no session: its exp is capped at sign-in too",
  async ({ app, advance }) => {
    const tokens = await signIn(app, "victim");
    assert(tokens.accessToken.length > 0);
    const { exp, iat } = splitToken(tokens.accessToken).claims;
    assert(Number(exp) - Number(iat) <= 60, `${Number(exp) - Number(iat)} s`);
    await advance(66);
    assertEquals((await meOf(app, { tokens })).auth?.reason, "TOKEN_EXPIRED");
  },
  { sessionAbsoluteTtlSeconds: 60, refreshIdleTtlSeconds: 60 },
);
