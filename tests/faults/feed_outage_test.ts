import { assert, assertEquals } from "@std/assert";
import { registerUser, startTestApp } from "../kit/app.ts";
import { feedToken, requireCaller, sayOf, verifierOf } from "../kit/verifier.ts";
import { STALENESS_SECONDS, startFeedScene } from "./feed_scene.ts";
import { eventually, pause, startSplitApp } from "./probe_app.ts";

const STALENESS_MS = STALENESS_SECONDS * 1_000;
const withFeed = { revocationFeedToken: feedToken };

for (const mode of ["refuse", "reset", "hang up", "blackhole"] as const) {
  Deno.test(`${mode}: without the feed a verifier answers for at most S, then UNAVAILABLE; it forgets nothing, and is back within 5 s`, async () => {
    await using scene = await startFeedScene();
    const { app, proxy, verifier } = scene;
    const { tokens } = await registerUser(app);
    const ended = await registerUser(app);
    const say = async (token = tokens.accessToken) => sayOf(await verifier.verifyToken(token));
    await app.call("auth.logout", { body: {}, bearer: ended.tokens.accessToken });
    await eventually("it is refused", 5_000, async () => await say(ended.tokens.accessToken) !== "valid");

    const brokenAt = performance.now();
    await proxy.set(mode);
    // Revoked where the verifier cannot hear of it.
    const unheard = await registerUser(app);
    assertEquals(await say(unheard.tokens.accessToken), "valid");
    await app.call("auth.logout", { body: {}, bearer: unheard.tokens.accessToken });
    const revokedAt = performance.now();

    const seen = new Set<string>();
    let lastValidAt = brokenAt;
    let lastUnheardAt = revokedAt;
    while (performance.now() - brokenAt < STALENESS_MS + 1_000) {
      const askedAt = performance.now();
      const answer = await say();
      seen.add(answer);
      if (answer === "valid") lastValidAt = askedAt;
      if (await say(unheard.tokens.accessToken) === "valid") lastUnheardAt = askedAt;
      await pause(20);
    }
    assertEquals([...seen], ["valid", "UNAVAILABLE"]);
    assert(lastValidAt - brokenAt <= STALENESS_MS, `valid for ${lastValidAt - brokenAt} ms`);
    assert(
      lastUnheardAt - revokedAt <= STALENESS_MS,
      `valid for ${lastUnheardAt - revokedAt} ms after its end`,
    );
    const away = await verifier.verifyToken(tokens.accessToken);
    assert(away.status === "refused" && away.cause instanceof Error, "it says what failed");
    assertEquals(await say(ended.tokens.accessToken), "SESSION_REVOKED");

    await proxy.set("pass");
    await eventually("it answers again", 5_000, async () => await say() === "valid");
    assertEquals(await say(unheard.tokens.accessToken), "SESSION_REVOKED");
    assertEquals(await say(ended.tokens.accessToken), "SESSION_REVOKED");
  });
}

Deno.test("a connection that died without a word is noticed and made again within S", async () => {
  await using scene = await startFeedScene();
  const { app, proxy, verifier } = scene;
  const { tokens } = await registerUser(app);
  const say = async () => sayOf(await verifier.verifyToken(tokens.accessToken));
  assertEquals(await say(), "valid");
  const connections = proxy.connectionCount;
  proxy.abandon();
  await eventually("it connects again", 5_000, () => proxy.connectionCount > connections);
  await app.call("auth.logout", { body: {}, bearer: tokens.accessToken });
  await eventually("it refuses", 3_000, async () => await say() === "SESSION_REVOKED");
});

Deno.test("stamps that come late are as old as they are: a slow way never stretches S", async () => {
  await using scene = await startFeedScene();
  const { app, proxy, verifier } = scene;
  const { tokens } = await registerUser(app);
  const say = async () => sayOf(await verifier.verifyToken(tokens.accessToken));
  assertEquals(await say(), "valid");
  proxy.delayMs = STALENESS_MS + 500;
  // What the service stamps from here on arrives, in order, when it is older than S.
  await pause(1_500);
  await app.call("auth.logout", { body: {}, bearer: tokens.accessToken });
  const revokedAt = performance.now();
  let lastValidAt = revokedAt;
  while (performance.now() - revokedAt < 2 * STALENESS_MS) {
    const askedAt = performance.now();
    if (await say() === "valid") lastValidAt = askedAt;
    await pause(20);
  }
  assert(lastValidAt - revokedAt <= STALENESS_MS, `valid for ${lastValidAt - revokedAt} ms`);
  proxy.delayMs = 0;
  await eventually("it is refused", 8_000, async () => await say() === "SESSION_REVOKED");
});

Deno.test("while the service's own database is away, its feed says so, and a verifier keeps the same S", async () => {
  await using app = await startSplitApp(withFeed);
  await using verifier = verifierOf(app.far, { follows: true, maxStalenessSeconds: STALENESS_SECONDS });
  const { tokens } = await registerUser(app.near);
  const say = async () => sayOf(await verifier.verifyToken(tokens.accessToken));
  assertEquals(await say(), "valid");
  const brokenAt = performance.now();
  await app.proxy.set("blackhole");
  await eventually(
    "it cannot know",
    STALENESS_MS + 500,
    async () => await say() === "UNAVAILABLE",
  );
  assert(performance.now() - brokenAt > 500, "it went on for a while");
  await app.proxy.set("pass");
  await eventually("it answers again", 5_000, async () => await say() === "valid");
});

Deno.test("a verifier whose machine slept, or whose clock was set, trusts nothing old and connects anew", async () => {
  for (const shiftMs of [600_000, -600_000]) {
    await using app = await startTestApp({ ...withFeed, accessTokenTtlSeconds: 3_600 });
    const shift = { ms: 0 };
    const clock = {
      now: () => new Date(Date.now() + shift.ms),
      monotonicMs: () => performance.now(),
    };
    await using verifier = verifierOf(app, { follows: true, clock });
    const { tokens } = await registerUser(app);
    const say = async () => sayOf(await verifier.verifyToken(tokens.accessToken));
    requireCaller(await verifier.verifyToken(tokens.accessToken));
    shift.ms = shiftMs;
    if (shiftMs > 0) assertEquals(await say(), "UNAVAILABLE");
    // Set back, the token is from the future: refused for that, whatever is known of its session.
    await eventually(
      "it has made up its mind",
      5_000,
      async () => await say() === (shiftMs > 0 ? "valid" : "TOKEN_INVALID"),
    );
  }
});

Deno.test("an ended session stays refused by a verifier whose clock was set forward and back", async () => {
  await using app = await startTestApp(withFeed);
  const shift = { ms: 0 };
  const clock = { now: () => new Date(Date.now() + shift.ms), monotonicMs: () => performance.now() };
  await using verifier = verifierOf(app, { follows: true, clock });
  const { tokens } = await registerUser(app);
  const say = async () => sayOf(await verifier.verifyToken(tokens.accessToken));
  await app.call("auth.logout", { body: {}, bearer: tokens.accessToken });
  await eventually("it is refused", 5_000, async () => await say() === "SESSION_REVOKED");
  shift.ms = 3_600_000;
  assertEquals(await say(), "TOKEN_EXPIRED");
  await pause(2_500);
  shift.ms = 0;
  assertEquals(await say(), "SESSION_REVOKED");
});
