import { assert, assertEquals, assertRejects } from "@std/assert";
import { eventually } from "../faults/probe_app.ts";
import { registerUser, startTestApp, type TestApp } from "../kit/app.ts";
import { openFeed } from "../kit/feed.ts";
import { watchStalls } from "../kit/stalls.ts";
import { feedToken, sayOf, verifierOf } from "../kit/verifier.ts";

const withFeed = { revocationFeedToken: feedToken };

Deno.test("what is revoked on any instance is refused by a verifier, though it asks nobody", async () => {
  await using app = await startTestApp(withFeed);
  const other = await app.startInstance();
  await using verifier = verifierOf(app, { follows: true });
  for (const instance of [app, other]) {
    for (const scope of ["this", "all"]) {
      const { tokens: { accessToken } } = await registerUser(app);
      const kept = await registerUser(app);
      const say = async (token = accessToken) => sayOf(await verifier.verifyToken(token));
      assertEquals(await say(), "valid");
      await instance.call("auth.logout", { body: { scope }, bearer: accessToken });
      await eventually("the verifier refuses", 5_000, async () => await say() === "SESSION_REVOKED");
      assertEquals(await say(kept.tokens.accessToken), "valid");
    }
  }
});

Deno.test("a verifier that starts late knows what was revoked before", async () => {
  await using app = await startTestApp(withFeed);
  const { tokens: { accessToken } } = await registerUser(app);
  await app.call("auth.logout", { body: {}, bearer: accessToken });
  await using verifier = verifierOf(app, { follows: true });
  assertEquals(sayOf(await verifier.verifyToken(accessToken)), "SESSION_REVOKED");
});

Deno.test("after a sign-out of all, a token of the new sign-in is let in and the old one is not", async () => {
  await using app = await startTestApp(withFeed);
  await using verifier = verifierOf(app, { follows: true });
  const { username, tokens } = await registerUser(app);
  await app.call("auth.logout", { body: { scope: "all" }, bearer: tokens.accessToken });
  const again = await app.call("auth.login", {
    body: { identifier: username, password: "correct horse battery" },
  });
  const say = async (token: string) => sayOf(await verifier.verifyToken(token));
  await eventually("the old one is refused", 5_000, async () => await say(tokens.accessToken) !== "valid");
  assertEquals(await say(tokens.accessToken), "SESSION_REVOKED");
  assertEquals(await say(again.data.tokens.accessToken), "valid");
});

Deno.test("without a token in the settings there is no feed, and nothing tells that there could be one", async () => {
  await using app = await startTestApp();
  for (const method of ["GET", "POST", "OPTIONS", "DELETE"]) {
    const [feed, nothing] = await Promise.all(
      ["/revocations", "/nothing-here"].map((path) =>
        app.call(path, { method, headers: { authorization: `Bearer ${feedToken}` } })
      ),
    );
    assertEquals([feed?.status, feed?.auth?.reason], [404, "NOT_FOUND"]);
    assertEquals(nothing?.status, 404);
  }
});

Deno.test("the feed is read with its token alone, by GET alone, and is never cached", async () => {
  await using app = await startTestApp(withFeed);
  const { tokens } = await registerUser(app);
  const wrong: [string, string][] = [
    ["", "TOKEN_MISSING"],
    [`Basic ${feedToken}`, "TOKEN_MISSING"],
    ["Bearer ", "TOKEN_INVALID"],
    [`Bearer ${feedToken}x`, "TOKEN_INVALID"],
    [`Bearer ${feedToken.slice(1)}`, "TOKEN_INVALID"],
    [`Bearer ${feedToken} ${feedToken}`, "TOKEN_INVALID"],
    [`Bearer ${tokens.accessToken}`, "TOKEN_INVALID"],
  ];
  for (const [authorization, reason] of wrong) {
    const answer = await app.call("/revocations", { headers: authorization ? { authorization } : {} });
    assertEquals([authorization, answer.status, answer.auth?.reason], [authorization, 401, reason]);
  }
  const query = await app.call(`/revocations?token=${feedToken}&access_token=${feedToken}`);
  assertEquals(query.auth?.reason, "TOKEN_MISSING");
  const post = await app.call("/revocations", { body: {}, bearer: feedToken });
  assertEquals([post.auth?.reason, post.headers.get("allow")], ["METHOD_NOT_ALLOWED", "GET, OPTIONS"]);
  await using feed = await openFeed(app.origin);
  const { status, headers } = feed.response;
  assertEquals([status, headers.get("content-type")], [200, "text/event-stream"]);
  assertEquals(headers.get("cache-control"), "no-store, no-transform");
  assert(await feed.next() !== null);
});

Deno.test("a feed token that anybody could guess is refused at the start", async () => {
  await using app = await startTestApp();
  for (const revocationFeedToken of ["", "x".repeat(31), `${"x".repeat(31)} x`, `${"x".repeat(31)},x`]) {
    await assertRejects(() => app.startInstance({ revocationFeedToken }), RangeError, "revocationFeedToken");
  }
});

async function revoke(app: TestApp): Promise<string> {
  const { tokens } = await registerUser(app);
  await app.call("auth.logout", { body: {}, bearer: tokens.accessToken });
  return tokens.sessionId;
}

Deno.test("a stamp comes at least every second, and says how old the instance's own copy is", async () => {
  await using app = await startTestApp(withFeed);
  await using feed = await openFeed(app.origin);
  const first = await feed.next();
  using stalls = watchStalls();
  const startedAt = performance.now();
  let last = first;
  for (let stamps = 0; stamps < 4; stamps++) last = await feed.next();
  assert(performance.now() - startedAt - stalls.totalMs < 4_500);
  if (first === null || last === null) throw new Error("the feed has ended");
  const { openMs, leaseAgeMs, readAtSeconds } = last.stamp;
  assert(openMs > first.stamp.openMs);
  assert((leaseAgeMs ?? Infinity) < 3_000);
  assert(Math.abs(readAtSeconds - Date.now() / 1_000) < 10);
});

Deno.test("whoever resumes gets what came meanwhile, and only that", async () => {
  await using app = await startTestApp(withFeed);
  const before = await revoke(app);
  let lastEventId = "";
  {
    await using feed = await openFeed(app.origin);
    const told = await feed.next();
    assertEquals(told?.ids, [before]);
    lastEventId = told?.lastEventId ?? "";
  }
  const meanwhile = [await revoke(app), await revoke(app)];
  await using resumed = await openFeed(app.origin, { lastEventId });
  assertEquals((await resumed.next())?.ids, meanwhile);
  await using again = await openFeed(app.origin);
  assertEquals((await again.next())?.ids.toSorted(), [before, ...meanwhile].toSorted());
});

Deno.test("whoever resumes at another instance, or with an id that is none, gets everything", async () => {
  await using app = await startTestApp(withFeed);
  const revoked = await revoke(app);
  await using feed = await openFeed(app.origin);
  const lastEventId = (await feed.next())?.lastEventId ?? "";
  const other = await app.startInstance();
  await using elsewhere = await openFeed(other.origin, { lastEventId });
  assertEquals((await elsewhere.next())?.ids, [revoked]);
  const [boot] = lastEventId.split(".");
  for (
    const id of [
      "",
      "0",
      ".1",
      `${boot}`,
      `${boot}.`,
      `${boot}.9`,
      `${boot}.-1`,
      `${boot}.1e0`,
      `${boot}.99999999999999999`,
    ]
  ) {
    await using odd = await openFeed(app.origin, { lastEventId: id });
    assertEquals([id, (await odd.next())?.ids], [id, [revoked]]);
  }
});

Deno.test("a service that drains ends its feeds and begins none, so that it can stop", async () => {
  await using app = await startTestApp(withFeed);
  await using feed = await openFeed(app.origin);
  assert(await feed.next() !== null);
  app.auth.drain();
  let stamps = 0;
  while (await feed.next() !== null) assert(stamps++ < 3, "the feed goes on");
  const refused = await app.call("/revocations", { bearer: feedToken });
  assertEquals([refused.status, refused.auth?.reason], [503, "UNAVAILABLE"]);
});

Deno.test("INV-11: one feed too many is refused, and a place that was left is free again", async () => {
  await using app = await startTestApp(withFeed);
  await using places = new AsyncDisposableStack();
  const feeds = [];
  for (let count = 0; count < 256; count++) {
    const feed = places.use(await openFeed(app.origin));
    feeds.push(feed);
    await feed.next();
  }
  const refused = await app.call("/revocations", { bearer: feedToken });
  assertEquals([refused.status, refused.auth?.reason, refused.headers.get("retry-after")], [
    503,
    "OVERLOADED",
    "1",
  ]);
  await feeds[0]?.[Symbol.asyncDispose]();
  await eventually("a place is free", 5_000, async () => {
    await using feed = await openFeed(app.origin);
    return feed.response.status === 200;
  });
});
