import { assertEquals, assertNotEquals } from "@std/assert";
import { cookieMode } from "@watchword/client/cookie";
import { eventually } from "../kit/eventually.ts";
import { createStore, outcomeOf, password, readStored, startWorld } from "../kit/fake_world.ts";

const YEAR_MS = 365 * 24 * 3_600_000;

Deno.test("in cookie mode a refresh that another sign-in of the same user overtakes ends neither session", async () => {
  const { clock, network, openTab, isLive } = await startWorld({
    isCookieMode: true,
    isCookieLate: true,
    hasLocks: false,
    eventDelayMs: 1_000,
  });
  const one = openTab();
  await one.signIn("ada");
  const other = openTab();
  await other.ready;
  await clock.advance(2_000);
  network.once({ delayMs: 100 }, "auth.refresh");
  const token = outcomeOf(one.getAccessToken({ force: true }));
  await clock.advance(10);
  await other.signIn("ada");
  await clock.advance(5_000);
  assertNotEquals(await token, "");
  assertEquals([one.who(), other.who(), one.sessionId()], ["ada", "ada", other.sessionId()]);
  assertEquals(isLive(other.sessionId()), true);
});

Deno.test("in cookie mode no token is handed out that is not there yet", async () => {
  const { clock, network, openTab } = await startWorld({ isCookieMode: true, hasLocks: false });
  const one = openTab();
  await one.signIn("ada");
  const other = openTab();
  await other.ready;
  await clock.advance(700_000);
  network.once({ answerDelayMs: 100 }, "auth.refresh");
  const token = outcomeOf(one.getAccessToken());
  await clock.advance(10);
  await other.signIn("ada");
  await clock.advance(1_000);
  assertNotEquals(await token, "");
  assertEquals(await one.trpc.read.query(), await other.trpc.read.query());
});

Deno.test("in cookie mode a refresh of the former user ends with their session, and does not come after the next one's cookie", async () => {
  const { clock, network, open, isLive, jar } = await startWorld({ isCookieMode: true });
  const client = open();
  await client.signIn("ada");
  await clock.advance(580_000);
  network.once({ answerDelayMs: 3_000 }, "auth.refresh");
  await client.getAccessToken();
  const signedIn = client.logout().then(() => client.signIn("bob"));
  await eventually("the next user does not wait for it", 2_000, () => client.who() === "bob");
  await signedIn;
  const cookie = jar.refreshToken;
  await clock.advance(5_000);
  assertEquals([client.who(), isLive(client.sessionId()), jar.refreshToken], ["bob", true, cookie]);
});

Deno.test("in cookie mode a sign-in that is sent twice leaves the cookie of the session that goes on", async () => {
  const { clock, network, open, isLive } = await startWorld({ isCookieMode: true });
  const client = open();
  network.once({ answerDelayMs: 500 }, "auth.login");
  const [first, second] = [outcomeOf(client.signIn("ada")), outcomeOf(client.signIn("ada"))];
  await clock.advance(1_000);
  assertEquals([await first, client.who()], ["session_changed", "ada"]);
  await second;
  await clock.advance(700_000);
  await client.trpc.read.query();
  assertEquals([client.who(), isLive(client.sessionId())], ["ada", true]);
});

Deno.test("in cookie mode a logout ends nobody else's session, whoever's cookie there is by then", async () => {
  const { clock, openTab, isLive } = await startWorld({ isCookieMode: true, eventDelayMs: 300 });
  const one = openTab();
  await one.signIn("ada");
  const late = openTab();
  await late.ready;
  await one.signIn("bob");
  await late.logout();
  await clock.advance(2_000);
  assertEquals([one.who(), late.who(), isLive(one.sessionId())], ["bob", "bob", true]);
});

Deno.test("in cookie mode a call that another tab's step-up has overtaken is sent once more", async () => {
  const { clock, network, openTab } = await startWorld({ isCookieMode: true });
  const one = openTab();
  await one.signIn("ada");
  const other = openTab();
  const userId = await other.trpc.read.query();
  network.once({ delayMs: 100 }, "read");
  const before = network.sent.length;
  const call = outcomeOf(other.trpc.read.query());
  await eventually("it has left", 1_000, () => network.sent.length > before);
  assertEquals((await one.stepUp({ password })).status, "stepped_up");
  await clock.advance(1_000);
  assertEquals(await call, userId);
});

Deno.test("the end of a session from a clock that was wrong does not outlast what the server says of the page", async () => {
  const { clock, tabs, open, openTab } = await startWorld({ isCookieMode: true });
  clock.shiftWall(YEAR_MS);
  const before = openTab();
  await before.signIn("ada");
  await before.logout();
  before.dispose();
  clock.shiftWall(-YEAR_MS);
  tabs.storage.writeFault = new DOMException("full", "QuotaExceededError");
  const rendered = openTab();
  await rendered.signIn("ada");
  const { state } = rendered;
  if (state.status !== "authenticated") throw new Error(state.status);
  const accessToken = await rendered.getAccessToken() ?? "";
  rendered.dispose();
  tabs.storage.writeFault = null;
  const { user, sessionId } = state;
  const { cookies } = cookieMode({
    seed: { user, sessionId, generation: 0, accessToken, expiresInSeconds: 500 },
  });
  const page = open({ ...tabs.open().options, cookies });
  await page.ready;
  assertEquals([page.who(), page.sessionId()], ["ada", sessionId]);
});

Deno.test("in cookie mode a token that somebody put into the store is not sent", async () => {
  const { open } = await startWorld({ isCookieMode: true });
  const values = new Map<string, string>();
  await open({ storage: createStore(values) }).signIn("ada");
  values.set("watchword", JSON.stringify({ ...readStored(values), accessToken: "planted" }));
  const client = open({ storage: createStore(values) });
  assertNotEquals(await client.getAccessToken(), "planted");
});
