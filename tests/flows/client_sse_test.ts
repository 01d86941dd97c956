import { assert, assertEquals } from "@std/assert";
import { createTRPCClient, httpBatchStreamLink, TRPCClientError } from "@trpc/client";
import { authReason, createAuthClient } from "@watchword/client";
import { sse, sseSubscriptions } from "@watchword/client/sse";
import { password } from "../kit/app.ts";
import { follow, until } from "../kit/followed.ts";
import {
  advanceToEnd,
  findFaults,
  startStreamApp,
  type StreamApp,
  type StreamRouter,
} from "../kit/stream_app.ts";
import { startTcpProxy } from "../kit/tcp_proxy.ts";

/** A request that left the client. */
interface Sent {
  url: string;
  authorization: string | null;
  lastEventId: string | null;
}

type Answer = (sent: Sent, earlier: number) => Response | undefined | Promise<Response>;

/** A fetch that remembers, and may answer by itself. */
function spy(answer: Answer = () => undefined) {
  const sent: Sent[] = [];
  const to = (procedure: string) => sent.filter(({ url }) => new URL(url).pathname.endsWith(`/${procedure}`));
  const spying: typeof fetch = async (input, init) => {
    const headers = new Headers(init?.headers);
    const one = {
      url: String(input),
      authorization: headers.get("authorization"),
      lastEventId: headers.get("last-event-id"),
    };
    const procedure = new URL(one.url).pathname.split("/").at(-1) ?? "";
    const earlier = to(procedure).length;
    sent.push(one);
    return await (answer(one, earlier) ?? fetch(input, init));
  };
  return { sent, to, fetch: spying };
}

/** A signed-in client whose clock stands still beside the service's, or moves with it. */
async function signIn(app: StreamApp, { wire = spy(), url = app.origin, isInStep = false } = {}) {
  const clock = { wall: () => app.clock.now().getTime(), monotonic: () => app.clock.monotonicMs() };
  const client = createAuthClient<StreamRouter>({
    url: `${url}/trpc`,
    fetch: wire.fetch,
    subscriptions: sseSubscriptions(),
    ...(isInStep ? { clock } : {}),
  });
  const username = `user-${crypto.randomUUID().slice(0, 8)}`;
  await client.register({ username, password });
  return { client, wire, username };
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** Whether a bearer stands in anything but a header. */
const showsToken = ({ url }: Sent) => /eyJ|bearer|token/i.test(url);

Deno.test("C-62: a subscription that outlives its token goes on without a gap, a repeat or an error", async () => {
  await using app = await startStreamApp();
  const { client, wire } = await signIn(app);
  using _ = client;
  const feed = follow(client.trpc.feed);
  await feed.hear(5);
  for (let expiry = 1; expiry <= 3; expiry++) {
    await app.advance(700);
    await until(() => feed.isEnded || wire.to("feed").length > expiry);
    await feed.hear(5);
  }
  feed.unsubscribe();
  assertEquals([findFaults(feed.events), feed.error], [{ gaps: [], repeats: [] }, null]);
  assertEquals([wire.to("feed").length, wire.to("auth.refresh").length], [4, 3]);
  assertEquals(new Set(wire.to("feed").map(({ authorization }) => authorization)).size, 4);
});

Deno.test("C-63: a dropped connection is made again with a fresh token and the last id, nothing of it in the URL", async () => {
  await using app = await startStreamApp();
  await using proxy = await startTcpProxy(app.origin);
  const { client, wire } = await signIn(app, { url: proxy.url.replace(/\/$/, ""), isInStep: true });
  using _ = client;
  const feed = follow(client.trpc.feed);
  await feed.hear(5);
  // Soon due: the token is renewed by whoever asks for it next.
  await advanceToEnd(app, await client.getAccessToken(), 20);
  await client.getAccessToken({ force: true });
  await proxy.set("reset");
  await proxy.set("pass");
  await feed.hear(5);
  feed.unsubscribe();
  const [first, second] = wire.to("feed");
  assertEquals([findFaults(feed.events), feed.error], [{ gaps: [], repeats: [] }, null]);
  assert(first?.authorization && second?.authorization && first.authorization !== second.authorization);
  assertEquals([first?.lastEventId, wire.to("feed").length], [null, 2]);
  assert(feed.events.includes(Number(second?.lastEventId)));
  assertEquals(wire.sent.filter(showsToken), []);
});

Deno.test("C-64: a 401 of a proxy is answered by one refresh for all streams, and they go on", async () => {
  await using app = await startStreamApp();
  const refusal = () => new Response("no", { status: 401 });
  const wire = spy(({ url }, earlier) => {
    if (!url.includes("/feed") || earlier > 2) return undefined;
    // The last one hears of it when the others have a new token already.
    return earlier < 2 ? refusal() : until(() => wire.to("feed").length >= 5).then(refusal);
  });
  const { client } = await signIn(app, { wire });
  using _ = client;
  const feeds = [follow(client.trpc.feed), follow(client.trpc.feed), follow(client.trpc.feed)];
  for (const feed of feeds) await feed.hear(3);
  for (const feed of feeds) feed.unsubscribe();
  assertEquals(feeds.map(({ error }) => error), [null, null, null]);
  assertEquals([wire.to("feed").length, wire.to("auth.refresh").length], [6, 1]);
});

Deno.test("C-64: a 401 that a renewed token does not help ends the subscription, and shows the status", async () => {
  await using app = await startStreamApp();
  const wire = spy(({ url }) => url.includes("/feed") ? new Response("no", { status: 401 }) : undefined);
  const { client } = await signIn(app, { wire });
  using _ = client;
  const feed = follow(client.trpc.feed);
  await feed.ended();
  await wait(50);
  assert(String(feed.error).includes("401"));
  assertEquals([wire.to("feed").length, wire.to("auth.refresh").length], [2, 1]);
  assertEquals(client.state.status, "authenticated");
});

Deno.test("C-66: a subscription that the user may not see is asked for once", async () => {
  await using app = await startStreamApp();
  const { client, wire } = await signIn(app);
  using _ = client;
  const admin = follow(client.trpc.admin);
  await admin.ended();
  await wait(50);
  assertEquals([authReason(admin.error), wire.to("admin").length, app.facts.runs.admin], ["FORBIDDEN", 1, 0]);
  assertEquals(wire.to("auth.refresh").length, 0);
});

Deno.test("C-70: where every connection is refused and the refresh fails for good, the stream ends and nothing is sent", async () => {
  await using app = await startStreamApp();
  const wire = spy(({ url }) => url.includes("/feed") ? new Response("no", { status: 401 }) : undefined);
  const { client, username } = await signIn(app, { wire });
  using _ = client;
  const other = app.client();
  await other.login({ identifier: username, password });
  await other.logout({ scope: "all" });
  const feed = follow(client.trpc.feed);
  await feed.ended();
  await wait(50);
  assertEquals([client.state.status, wire.to("feed").length, wire.to("auth.refresh").length], [
    "anonymous",
    1,
    1,
  ]);
});

Deno.test("C-32: a sign-out ends the session's streams, and none is opened again", async () => {
  await using app = await startStreamApp();
  const { client, wire } = await signIn(app);
  using _ = client;
  const feed = follow(client.trpc.feed);
  await feed.hear(3);
  await client.logout();
  await feed.ended();
  const heard = feed.events.length;
  await wait(50);
  assertEquals([feed.events.length, wire.to("feed").length], [heard, 1]);
});

Deno.test("a session that is ended elsewhere ends its streams within the bound, and signs out here", async () => {
  await using app = await startStreamApp();
  const { client, username } = await signIn(app);
  using _ = client;
  const feed = follow(client.trpc.feed);
  await feed.hear(3);
  const other = app.client();
  await other.login({ identifier: username, password });
  await other.logout({ scope: "all" });
  await feed.ended();
  assertEquals([authReason(feed.error), client.state], ["SESSION_REVOKED", {
    status: "anonymous",
    lastEnd: "revoked",
  }]);
});

Deno.test("a stream that began without a session never carries a token, and one of a user never another's", async () => {
  await using app = await startStreamApp();
  const wire = spy(() =>
    new Response(": nothing\nretry: 1\n\n", { headers: { "content-type": "text/event-stream" } })
  );
  const client = app.client();
  const { EventSource, eventSourceOptions } = sse(client, { fetch: wire.fetch });
  const open = (path: string) => new EventSource(`${app.origin}/${path}`, eventSourceOptions());
  const nobodys = open("nobodys");
  await until(() => wire.to("nobodys").length > 0);
  await client.register({ username: "ada", password });
  const adas = open("adas");
  await until(() => wire.to("adas").length > 1);
  await client.logout();
  await client.register({ username: "bob", password });
  const bobs = open("bobs");
  await until(() => wire.to("bobs").length > 1 && wire.to("nobodys").length > 2);
  assertEquals(adas.readyState, adas.CLOSED);
  for (const source of [nobodys, bobs]) source.close();
  client.dispose();
  const kinds = (path: string) => new Set(wire.to(path).map(({ authorization }) => authorization));
  assertEquals([kinds("nobodys"), kinds("adas").size, kinds("bobs").size], [new Set([null]), 1, 1]);
  assert(kinds("adas").isDisjointFrom(kinds("bobs")));
});

Deno.test("a redirect to another origin takes the stream there, and not the token", async () => {
  await using app = await startStreamApp();
  const client = app.client();
  await client.register({ username: "ada", password });
  const heard: [string, string | null][] = [];
  const serve = (name: string, answer: () => Response) =>
    Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ headers }) => {
      heard.push([name, headers.get("authorization")?.slice(0, 6) ?? null]);
      return answer();
    });
  await using elsewhere = serve("elsewhere", () => new Response(null, { status: 204 }));
  await using here = serve("here", () => Response.redirect(`http://127.0.0.1:${elsewhere.addr.port}/`, 307));
  const { EventSource, eventSourceOptions } = sse(client);
  const source = new EventSource(`http://127.0.0.1:${here.addr.port}/`, eventSourceOptions());
  await until(() => source.readyState === source.CLOSED);
  client.dispose();
  assertEquals(heard, [["here", "Bearer"], ["elsewhere", null]]);
});

Deno.test("C-72: an iterable that fails with UNAUTHORIZED midway tells the consumer, and is not run again in secret", async () => {
  await using app = await startStreamApp();
  const { client, wire } = await signIn(app);
  using _ = client;
  const trpc = createTRPCClient<StreamRouter>({
    links: [client.link(), httpBatchStreamLink({ url: `${app.origin}/trpc`, ...client.http() })],
  });
  const heard: unknown[] = [];
  const read = async () => {
    for await (const value of await trpc.broken.query()) heard.push(value);
  };
  const error = await read().then(() => null, (thrown) => thrown);
  assert(error instanceof TRPCClientError);
  assertEquals([heard, app.facts.runs.broken], [[1, 2], 1]);
  assertEquals(wire.to("auth.refresh").length, 0);
});
