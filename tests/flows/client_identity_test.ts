import { assertEquals } from "@std/assert";
import { withAuth } from "@watchword/client";
import { memoryStore } from "@watchword/client/storage";
import { createTabs, fakeClock } from "@watchword/client/testing";
import { password, registerUser } from "../kit/app.ts";
import { createGate, outcomeOf, startClientScene } from "../kit/client_scene.ts";
import { eventually } from "../kit/eventually.ts";
import { readSession } from "../kit/sessions.ts";

/** Two tabs of one browser, signed in as the same user. */
async function startTabs(options: Parameters<typeof startClientScene>[0] = {}) {
  const tabs = createTabs({ clock: fakeClock(), fetch });
  const open = () => ({ storage: tabs.open().options.storage });
  const scene = await startClientScene({ ...options, client: open() });
  const events: unknown[] = [];
  const other = scene.open({ ...open(), onEvent: (event) => events.push(event) });
  await other.ready;
  return { scene, first: scene.client, other, events, tabs };
}

const userIdOf = ({ state }: { state: { status: string; user?: { id: string } } }) => state.user?.id;

Deno.test("C-28: a fetch that waits for the refresh is never sent under the name of the next user", async () => {
  const gate = createGate();
  await using scene = await startClientScene({ alter: gate.alter });
  const { app, client, wire } = scene;
  await app.advance(3_600);
  const waiting = outcomeOf(client.fetch(`${app.origin}/v1/me`));
  await gate.arrived;
  const { username } = await registerUser(app);
  await client.login({ identifier: username, password });
  gate.release();
  assertEquals([await waiting, wire.count("me")], ["session_changed", 0]);
});

Deno.test("C-28: a call that was refused is not sent again under the name of the next user", async () => {
  const gate = createGate("add");
  await using scene = await startClientScene({ alter: gate.alter });
  const { app, client, wire, runs } = scene;
  const [refused, fetched] = [
    outcomeOf(client.trpc.add.mutate({ id: 1 })),
    outcomeOf(client.fetch(`${app.origin}/trpc/add`, { method: "POST", body: "1" })),
  ];
  await gate.arrived;
  const { username } = await registerUser(app);
  await client.login({ identifier: username, password });
  gate.release();
  await Promise.all([refused, fetched]);
  assertEquals([wire.count("add"), wire.count("auth.refresh"), runs.adds <= 1], [2, 0, true]);
});

Deno.test("C-31: what is kept of a session whose end could not be told can only end it", async () => {
  let isOffline = false;
  await using scene = await startClientScene({
    alter: (_, forward) => isOffline ? Promise.reject(new TypeError("offline")) : forward(),
  });
  const { client, wire, app } = scene;
  const sessionId = client.state.status === "authenticated" ? client.state.sessionId : "";
  const bearer = `Bearer ${await client.getAccessToken()}`;
  await app.advance(3_600);
  isOffline = true;
  await client.logout();
  isOffline = false;
  globalThis.dispatchEvent(new Event("online"));
  await eventually("the session is over", 5_000, async () => (await readSession(app, sessionId)).revoked_at);
  const [told] = wire.sent.filter(({ procedures }) => procedures[0] === "auth.logout").slice(-1);
  assertEquals([told?.body, told?.authorization], ["{}", bearer]);
});

Deno.test("C-31: of the logouts that the server was not told of only the newest five are made up for", async () => {
  let isDeaf = true;
  await using scene = await startClientScene({
    alter: ({ procedures }, forward) =>
      isDeaf && procedures[0] === "auth.logout" ? Promise.reject(new TypeError("offline")) : forward(),
  });
  const { client, wire } = scene;
  for (let logouts = 0; logouts < 7; logouts++) {
    await client.login({ identifier: "ada", password });
    await client.logout();
  }
  isDeaf = false;
  const before = wire.count("auth.logout");
  globalThis.dispatchEvent(new Event("online"));
  await eventually("all are told", 5_000, () => wire.count("auth.logout") >= before + 5);
  globalThis.dispatchEvent(new Event("online"));
  assertEquals(wire.count("auth.logout"), before + 5);
});

Deno.test("C-32: after a logout in another tab, calls that wait and calls that follow fail typed, and nothing is sent", async () => {
  const gate = createGate();
  const { scene, first, other, events } = await startTabs({ alter: gate.alter });
  await using _ = scene;
  await scene.app.advance(3_600);
  const waiting = outcomeOf(other.trpc.read.query());
  await gate.arrived;
  await first.logout();
  await eventually("the other tab has heard", 100, () => other.state.status === "anonymous");
  gate.release();
  assertEquals(await waiting, "session_changed");
  assertEquals(await outcomeOf(other.trpc.read.query(undefined, withAuth("required"))), "signed_out");
  assertEquals(events.slice(1), [{ type: "signedOut", reason: "other_tab" }]);
  assertEquals([scene.wire.count("read"), other.state], [0, { status: "anonymous", lastEnd: "other_tab" }]);
});

Deno.test("C-33: another user's sign-in in one tab switches the other one, whose waiting calls fail", async () => {
  const gate = createGate();
  const { scene, first, other, events } = await startTabs({ alter: gate.alter });
  await using _ = scene;
  const { username, user } = await registerUser(scene.app);
  await scene.app.advance(3_600);
  const waiting = outcomeOf(other.trpc.add.mutate({ id: 1 }));
  await gate.arrived;
  await first.login({ identifier: username, password });
  await eventually("the other tab has heard", 100, () => userIdOf(other) === user.id);
  gate.release();
  assertEquals([await waiting, scene.runs.adds], ["session_changed", 0]);
  assertEquals(await other.trpc.read.query(), user.id);
  assertEquals(events.at(-1), { type: "signedIn", userId: user.id, via: "other_tab" });
});

Deno.test("C-33: a tab that slept through a sign-out and a sign-in leaves the new session to the others", async () => {
  // The device's clock is set back meanwhile, so that the newer session looks older.
  for (const setBackMs of [0, 86_400_000]) {
    const storage = memoryStore();
    await using scene = await startClientScene({ client: { storage } });
    const { client: asleep, app } = scene;
    const clock = {
      wall: () => app.clock.now().getTime() - setBackMs,
      monotonic: () => app.clock.monotonicMs(),
    };
    const awake = scene.open({ storage, clock });
    await awake.logout();
    const { username, user } = await registerUser(app);
    await awake.login({ identifier: username, password });
    await outcomeOf(asleep.trpc.read.query());
    using next = scene.open({ storage, clock });
    await next.ready;
    assertEquals([setBackMs, userIdOf(next), userIdOf(awake)], [setBackMs, user.id, user.id]);
  }
});

Deno.test("C-34: a session that another device ended tells so once, however many calls find out", async () => {
  await using scene = await startClientScene();
  const { app, client, events } = scene;
  const device = scene.open();
  await device.login({ identifier: "ada", password });
  await device.logout({ scope: "others" });
  await Promise.all([
    ...Array.from({ length: 10 }, () => outcomeOf(client.trpc.read.query())),
    outcomeOf(client.trpc.add.mutate({ id: 1 })),
  ]);
  assertEquals(events.filter(({ type }) => type === "signedOut"), [{ type: "signedOut", reason: "revoked" }]);
  assertEquals(await client.getAccessToken(), null);
  assertEquals(await outcomeOf(client.fetch(`${app.origin}/v1/me`)), "done");
});
