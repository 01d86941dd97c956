import { assert, assertEquals } from "@std/assert";
import { createTRPCClient, createWSClient, wsLink } from "@trpc/client";
import * as old from "@trpc/client-11.22";
import { authReason, createAuthClient, findAuthClientError } from "@watchword/client";
import { ws, wsSubscriptions } from "@watchword/client/ws";
import { password } from "../kit/app.ts";
import { follow, until } from "../kit/followed.ts";
import {
  advanceToEnd,
  findFaults,
  startStreamApp,
  type StreamApp,
  type StreamRouter,
} from "../kit/stream_app.ts";
import { createWire } from "../kit/wire.ts";

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A signed-in client whose calls all go over one WebSocket, and whose clock moves with the service's or not. */
async function signIn(app: StreamApp, { isInStep = false } = {}) {
  const wire = createWire();
  const clock = { wall: () => app.clock.now().getTime(), monotonic: () => app.clock.monotonicMs() };
  const auth = createAuthClient<StreamRouter>({
    url: `${app.origin}/trpc`,
    fetch: wire.fetch,
    ...(isInStep ? { clock } : {}),
  });
  const username = `user-${crypto.randomUUID().slice(0, 8)}`;
  await auth.register({ username, password });
  const connection = createWSClient({ url: app.wsUrl, ...ws(auth) });
  const trpc = createTRPCClient<StreamRouter>({ links: [auth.link(), wsLink({ client: connection })] });
  return {
    auth,
    trpc,
    wire,
    username,
    async [Symbol.asyncDispose]() {
      await connection.close();
      auth.dispose();
    },
  };
}

const openSockets = ({ sockets }: StreamApp) => sockets.filter(({ closeCode }) => closeCode === null).length;

/** Signs the user out everywhere, from somewhere else. */
async function endElsewhere(app: StreamApp, username: string): Promise<void> {
  const other = app.client();
  await other.login({ identifier: username, password });
  await other.logout({ scope: "all" });
  other.dispose();
}

Deno.test("C-67: a token that is renewed ahead moves to a new socket first: no call is lost, no event missing or doubled", async () => {
  await using app = await startStreamApp();
  await using client = await signIn(app, { isInStep: true });
  let release = () => {};
  app.facts.gate = new Promise((resolve) => release = resolve);
  const feed = follow(client.trpc.feed);
  const slow = client.trpc.slow.mutate({ id: 1 });
  await feed.hear(3);
  const states = feed.states.length;
  await advanceToEnd(app, await client.auth.getAccessToken(), 20);
  await client.auth.getAccessToken();
  await until(() => app.sockets.length > 1);
  await feed.hear(5);
  assertEquals(openSockets(app), 2);
  release();
  assertEquals(await slow, 1);
  await until(() => openSockets(app) === 1);
  await feed.hear(3);
  feed.unsubscribe();
  assertEquals([findFaults(feed.events), feed.error, app.facts.runs.slow], [
    { gaps: [], repeats: [] },
    null,
    1,
  ]);
  assertEquals([feed.states.slice(states), client.wire.count("auth.refresh")], [[], 1]);
});

Deno.test("C-68: with tRPC 11.22, which closes the old socket first, the calls under way are waited for", async () => {
  await using app = await startStreamApp();
  await using client = await signIn(app, { isInStep: true });
  const connection = old.createWSClient({ url: app.wsUrl, ...ws(client.auth) });
  const trpc = old.createTRPCClient<StreamRouter>({
    links: [client.auth.link(), old.wsLink({ client: connection })],
  });
  let release = () => {};
  app.facts.gate = new Promise((resolve) => release = resolve);
  const feed = follow(trpc.feed);
  await feed.hear(3);
  const slow = trpc.slow.mutate({ id: 1 });
  await until(() => app.facts.runs.slow === 1);
  await advanceToEnd(app, await client.auth.getAccessToken(), 20);
  await client.auth.getAccessToken();
  // The first two sockets are this client's own and the old one's, the next two their successors.
  await until(() => app.sockets.length === 4);
  await feed.hear(20);
  release();
  assertEquals(await slow, 1);
  await until(() => openSockets(app) === 2);
  await feed.hear(20);
  assertEquals(await trpc.slow.mutate({ id: 2 }), 2);
  feed.unsubscribe();
  await connection.close();
  assertEquals([findFaults(feed.events), feed.error, app.facts.runs.slow], [
    { gaps: [], repeats: [] },
    null,
    2,
  ]);
});

Deno.test("C-67: a client that does nothing but listen is told in time, and renews before its token ends", async () => {
  await using app = await startStreamApp();
  await using client = await signIn(app, { isInStep: true });
  const feed = follow(client.trpc.feed);
  await feed.hear(3);
  await advanceToEnd(app, await client.auth.getAccessToken(), 20);
  await until(() => client.wire.count("auth.refresh") === 1 && openSockets(app) === 1);
  await app.advance(60);
  await feed.hear(150);
  feed.unsubscribe();
  assertEquals([findFaults(feed.events), feed.error], [{ gaps: [], repeats: [] }, null]);
  assert(!app.sockets.some(({ closeCode }) => closeCode === 4401));
});

Deno.test("C-62: where the token ends unnoticed the server closes the socket, and the subscription goes on over the next", async () => {
  await using app = await startStreamApp();
  await using client = await signIn(app);
  const feed = follow(client.trpc.feed);
  for (let expiry = 1; expiry <= 2; expiry++) {
    await feed.hear(3);
    await app.advance(700);
    await until(() => app.sockets.filter(({ closeCode }) => closeCode === 4401).length === expiry);
  }
  await feed.hear(3);
  assertEquals(await client.trpc.slow.mutate({ id: 7 }), 7);
  feed.unsubscribe();
  assertEquals([findFaults(feed.events), feed.error], [{ gaps: [], repeats: [] }, null]);
  assertEquals([client.wire.count("auth.refresh"), openSockets(app), app.sockets.length], [2, 1, 3]);
});

Deno.test("a socket that was opened with a token that is over is replaced before what it refused is sent again", async () => {
  await using app = await startStreamApp();
  using auth = createAuthClient<StreamRouter>({ url: `${app.origin}/trpc` });
  await auth.register({ username: "ada", password });
  // The client does not know: its own clock stands still.
  await app.advance(700);
  const connection = createWSClient({ url: app.wsUrl, ...ws(auth) });
  const trpc = createTRPCClient<StreamRouter>({ links: [auth.link(), wsLink({ client: connection })] });
  const feed = follow(trpc.feed);
  const answers = await Promise.all([trpc.read.query(), trpc.slow.mutate({ id: 1 }), trpc.read.query()]);
  await feed.hear(3);
  feed.unsubscribe();
  await connection.close();
  assertEquals([answers[1], feed.error, app.facts.runs.slow], [1, null, 1]);
  assertEquals([app.sockets[0]?.closeCode, app.sockets.length], [1000, 2]);
});

Deno.test("C-69: a sign-out closes the socket; the next one is nobody's, and there is no other", async () => {
  await using app = await startStreamApp();
  await using client = await signIn(app);
  const feed = follow(client.trpc.feed);
  await feed.hear(3);
  await client.auth.logout();
  await feed.ended();
  await until(() => app.sockets.length === 2 && openSockets(app) === 1);
  await wait(300);
  assertEquals([app.sockets[0]?.closeCode, app.sockets.length, openSockets(app)], [1000, 2, 1]);
  const error = await client.trpc.read.query().then(() => null, (thrown) => thrown);
  assertEquals([authReason(error), app.facts.runs.feed], ["TOKEN_MISSING", 1]);
});

Deno.test("C-69: connectionParams is null without a session, and never rejects", async () => {
  await using app = await startStreamApp();
  const wire = createWire(({ procedures }, forward) =>
    procedures[0] === "auth.refresh" ? Promise.reject(new TypeError("no network")) : forward()
  );
  let shiftMs = 0;
  const auth = app.client({
    fetch: wire.fetch,
    clock: { wall: () => Date.now() + shiftMs, monotonic: () => performance.now() + shiftMs },
  });
  const { connectionParams } = ws(auth);
  assertEquals(await connectionParams(), null);
  await auth.register({ username: "ada", password });
  assert((await connectionParams())?.authorization.startsWith("Bearer ey"));
  shiftMs = 3_600_000;
  assertEquals(await connectionParams(), null);
  auth.dispose();
});

Deno.test("a socket that was opened without a session is closed by the sign-in, and the next call has the token", async () => {
  await using app = await startStreamApp();
  const auth = app.client();
  const connection = createWSClient({ url: app.wsUrl, ...ws(auth) });
  const trpc = createTRPCClient<StreamRouter>({ links: [auth.link(), wsLink({ client: connection })] });
  const news = follow(trpc.news);
  await news.hear(3);
  await auth.register({ username: "ada", password });
  assert(await trpc.read.query());
  await until(() => openSockets(app) === 1);
  assertEquals([app.sockets[0]?.closeCode, openSockets(app)], [1000, 1]);
  news.unsubscribe();
  await connection.close();
  auth.dispose();
});

Deno.test("a step-up replaces the socket with the session, and the stream goes on over the next", async () => {
  await using app = await startStreamApp();
  await using client = await signIn(app);
  const feed = follow(client.trpc.feed);
  await feed.hear(3);
  assertEquals(await client.auth.stepUp({ password }), { status: "stepped_up" });
  await until(() => app.sockets.length === 2 && openSockets(app) === 1);
  await feed.hear(150);
  feed.unsubscribe();
  assertEquals([findFaults(feed.events), feed.error], [{ gaps: [], repeats: [] }, null]);
});

Deno.test("C-33: a subscription of one user never runs for the next, though the socket is replaced", async () => {
  await using app = await startStreamApp();
  await using client = await signIn(app);
  const feed = follow(client.trpc.feed);
  await feed.hear(3);
  await client.auth.register({ username: "bob", password });
  await feed.ended();
  assert(await client.trpc.read.query());
  await wait(100);
  assertEquals([app.facts.runs.feed, findAuthClientError(feed.error)?.code], [1, "session_changed"]);
});

Deno.test("C-70: a session that is ended elsewhere ends its subscriptions within the bound, and does not hammer", async () => {
  await using app = await startStreamApp();
  await using client = await signIn(app);
  const feed = follow(client.trpc.feed);
  await feed.hear(3);
  await endElsewhere(app, client.username);
  await feed.ended();
  await until(() => app.sockets.length === 2 && openSockets(app) === 1);
  await wait(300);
  assertEquals([authReason(feed.error), client.auth.state.status], ["SESSION_REVOKED", "anonymous"]);
  assertEquals([app.sockets.length, openSockets(app), app.facts.runs.feed], [2, 1, 1]);
});

Deno.test("C-70: a socket whose token has ended, and whose refresh fails for good, is followed by one of nobody's", async () => {
  await using app = await startStreamApp();
  await using client = await signIn(app);
  const feed = follow(client.trpc.feed);
  await feed.hear(3);
  await app.database.sql`update sessions set revoked_at = now(), revoke_reason = 'logout'`;
  await app.advance(700);
  await feed.ended();
  await until(() => client.auth.state.status === "anonymous" && openSockets(app) === 1);
  await wait(300);
  assertEquals([client.auth.state.status, client.wire.count("auth.refresh")], ["anonymous", 1]);
  assert(app.sockets.length <= 3 && openSockets(app) === 1, `${app.sockets.length} sockets`);
});

Deno.test("C-66: a subscription that the user may not see is asked for once, over a WebSocket too", async () => {
  await using app = await startStreamApp();
  await using client = await signIn(app);
  const admin = follow(client.trpc.admin);
  await admin.ended();
  await wait(50);
  assertEquals([authReason(admin.error), app.sockets.length], ["FORBIDDEN", 1]);
  assertEquals(client.wire.count("auth.refresh"), 0);
});

Deno.test("subscriptions of createAuthClient share a WebSocket that is open while there are any, calls go over HTTP", async () => {
  await using app = await startStreamApp();
  using auth = createAuthClient<StreamRouter>({
    url: `${app.origin}/trpc`,
    subscriptions: wsSubscriptions({ url: app.wsUrl }),
  });
  await auth.register({ username: "ada", password });
  assert(await auth.trpc.read.query());
  assertEquals(app.sockets.length, 0);
  const feeds = [follow(auth.trpc.feed), follow(auth.trpc.feed)];
  for (const feed of feeds) await feed.hear(3);
  assertEquals([app.sockets.length, openSockets(app)], [1, 1]);
  for (const feed of feeds) feed.unsubscribe();
  await until(() => openSockets(app) === 0);
});
