import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type AuthEvent, authReason, findAuthClientError, withAuth } from "@watchword/client";
import { memoryStore } from "@watchword/client/storage";
import { password, startTestApp } from "../kit/app.ts";
import { createGate, outcomeOf, standingClock, startClientScene } from "../kit/client_scene.ts";
import { eventually } from "../kit/eventually.ts";
import { networkError, type Sent } from "../kit/wire.ts";

const isRefresh = ({ procedures }: Sent) => procedures[0] === "auth.refresh";
const refreshedOf = (events: AuthEvent[]) =>
  events.flatMap((event) => event.type === "refreshed" ? [[event.cause, event.generation]] : []);

Deno.test("each refresh tells why it was made, and which generation it led to", async () => {
  const storage = memoryStore();
  await using scene = await startClientScene({ client: { refreshAheadSeconds: 60, storage } });
  const { app, client, events } = scene;
  await app.advance(560);
  await client.trpc.read.query();
  await eventually("it was renewed ahead", 2_000, () => refreshedOf(events).length === 1);
  await client.getAccessToken({ force: true });
  const other = scene.open({ storage });
  await app.advance(3_600);
  await other.trpc.read.query();
  await client.trpc.read.query();
  assertEquals(refreshedOf(events), [["ahead", 1], ["manual", 2], ["other_tab", 3]]);
});

Deno.test("a refresh that the server's refusal led to says so", async () => {
  await using scene = await startClientScene({ client: { clock: standingClock } });
  await scene.app.advance(3_600);
  await scene.client.trpc.read.query();
  assertEquals(refreshedOf(scene.events), [["rejected", 1]]);
});

Deno.test("signing in tells how: by itself, or from the store", async () => {
  const storage = memoryStore();
  await using scene = await startClientScene({ client: { storage } });
  const events: AuthEvent[] = [];
  const restarted = scene.open({ storage, onEvent: (event) => events.push(event) });
  await restarted.ready;
  const vias = [...scene.events, ...events].map((event) => event.type === "signedIn" && event.via);
  assertEquals(vias, ["login", "restored"]);
  await restarted.login({ identifier: "ada", password });
  assertEquals(events.length, 1);
});

Deno.test("a listener that throws stops neither the others nor the client", async () => {
  await using scene = await startClientScene();
  const faults: unknown[] = [];
  const catchFault = (event: ErrorEvent) => (event.preventDefault(), faults.push(event.error));
  globalThis.addEventListener("error", catchFault);
  const heard: string[] = [];
  const fault = new Error("a listener's own");
  scene.client.on(() => {
    throw fault;
  });
  scene.client.on(({ type }) => heard.push(type));
  await scene.client.getAccessToken({ force: true });
  await eventually("its error surfaces by itself", 1_000, () => faults.length === 1);
  globalThis.removeEventListener("error", catchFault);
  assertEquals([heard, faults], [["refreshed"], [fault]]);
});

Deno.test("C-42: a listener of a refresh may call, and ask for a token by force, without a deadlock", async () => {
  await using scene = await startClientScene();
  const { app, client, wire } = scene;
  const answers: Promise<unknown>[] = [];
  client.on(({ type }) => {
    if (type !== "refreshed" || answers.length > 0) return;
    answers.push(client.trpc.read.query(), client.getAccessToken(), client.getAccessToken({ force: true }));
  });
  await app.advance(3_600);
  await client.trpc.read.query();
  const [userId, token, forced] = await Promise.all(answers);
  assertEquals([typeof userId, typeof token, typeof forced], ["string", "string", "string"]);
  assert(wire.count("auth.refresh") <= 2);
});

/** Every token that went over the wire, either way. */
function collectTokens() {
  const tokens = new Set<string>();
  const pattern = /eyJ[\w-]+\.[\w-]+\.[\w-]+|(?<="refreshToken":")[^"]+/g;
  const collect = (text: string) => text.match(pattern)?.forEach((token) => tokens.add(token));
  async function alter(sent: Sent, forward: () => Promise<Response>): Promise<Response> {
    collect(`${sent.body} ${sent.authorization}`);
    const answer = await forward();
    const text = await answer.text();
    collect(text);
    return new Response(text, answer);
  }
  return { tokens, alter };
}

Deno.test("C-85: no token is in any event, state, error or console output, whatever goes wrong", async () => {
  const printed: unknown[] = [];
  const { log, warn, error, info, debug } = console;
  const record = (...values: unknown[]) => void printed.push(values);
  const { tokens, alter } = collectTokens();
  let failure: (() => Response) | null = null;
  const seen: unknown[] = [];
  try {
    Object.assign(console, { log: record, warn: record, error: record, info: record, debug: record });
    await using scene = await startClientScene({
      alter: async (sent, forward) => {
        const answer = await alter(sent, forward);
        return failure && isRefresh(sent) ? failure() : answer;
      },
    });
    const { app, client, events } = scene;
    client.subscribe(() => seen.push(client.state));
    const fail = async (call: Promise<unknown>) => seen.push(await call.then(() => null, (error) => error));
    await app.advance(3_600);
    // What a proxy or a broken server echoes is nobody's friend.
    const echo = () => new Response(JSON.stringify({ echo: [...tokens] }), { status: 502 });
    for (const answer of [networkError, echo, () => new Response([...tokens].join(), { status: 200 })]) {
      failure = answer;
      await fail(client.trpc.read.query());
      await fail(client.getAccessToken());
      await fail(client.fetch(`${app.origin}/v1/me`));
      await fail(client.stepUp({ password: "wrong horse" }));
      await app.advance(120);
    }
    failure = null;
    await client.trpc.read.query();
    await fail(client.stepUp({ password: "wrong horse" }));
    await client.stepUp({ password });
    await client.logout({ scope: "all" });
    await fail(client.trpc.read.query());
    seen.push(events, client);
    client.dispose();
    await fail(client.trpc.read.query());
  } finally {
    Object.assign(console, { log, warn, error, info, debug });
  }
  const text = Deno.inspect([seen, printed], { depth: 20, strAbbreviateSize: 1e6, iterableLimit: 1e4 });
  assert(tokens.size >= 8 && seen.length > 15);
  assertStringIncludes(text, "AuthClientError");
  for (const token of tokens) {
    assert(!text.includes(token) && !text.includes(token.split(".").at(-1) ?? token), "a token is shown");
  }
});

Deno.test("C-84: an error of another copy of tRPC, or of this package, is recognised", async () => {
  class TRPCClientError extends Error {
    constructor(readonly data: unknown, cause?: unknown) {
      super("another copy's", { cause });
    }
  }
  const copy = await import(new URL("../../client/auth_client_error.ts?copy", import.meta.url).href);
  const own = copy.authClientError("session_changed");
  assertEquals(findAuthClientError(new TRPCClientError(null, own))?.code, "session_changed");
  assertEquals(
    authReason(new TRPCClientError({ auth: { reason: "FORBIDDEN", executed: false } })),
    "FORBIDDEN",
  );
  assertEquals([findAuthClientError(new TRPCClientError(null)), authReason(own)], [null, null]);
});

Deno.test("C-81: clients that nobody disposed of leave no operation, timer or channel behind", async () => {
  await using app = await startTestApp();
  const client = app.client();
  await client.register({ username: "ada", password });
  await app.advance(3_600);
  assertEquals((await client.trpc.auth.me.query()).user.username, "ada");
});

Deno.test("dispose() ends what is under way and what follows, and nothing is heard after it", async () => {
  const gate = createGate();
  await using scene = await startClientScene({ alter: gate.alter });
  const { app, client, events, wire } = scene;
  let changes = 0;
  client.subscribe(() => changes++);
  await app.advance(3_600);
  const waiting = outcomeOf(client.trpc.read.query());
  await gate.arrived;
  const before = [events.length, changes];
  client.dispose();
  assert(["unreachable", "disposed"].includes(await waiting));
  gate.release();
  assertEquals(await outcomeOf(client.trpc.read.query()), "disposed");
  globalThis.dispatchEvent(new Event("online"));
  globalThis.dispatchEvent(new Event("pageshow"));
  assertEquals([events.length, changes], before);
  assertEquals([wire.count("auth.refresh"), wire.count("read")], [1, 0]);
});

Deno.test("withAuth: required fails at once without a session, optional goes without a token, none never takes one", async () => {
  const gate = createGate();
  await using scene = await startClientScene({ alter: gate.alter });
  const { app, client, wire } = scene;
  const nobody = scene.open();
  assertEquals(await outcomeOf(nobody.trpc.open.query(undefined, withAuth("required"))), "signed_out");
  assertEquals(wire.count("open"), 0);
  assertEquals(await nobody.trpc.open.query(undefined, withAuth("optional")), "anyone");
  await app.advance(3_600);
  const waiting = client.trpc.read.query(undefined, withAuth("required"));
  await gate.arrived;
  assertEquals(await client.trpc.open.query(undefined, withAuth("none")), "anyone");
  assertEquals(
    wire.sent.filter(({ procedures }) => procedures[0] === "open").map((sent) => sent.authorization),
    [
      null,
      null,
    ],
  );
  gate.release();
  assertEquals(typeof await waiting, "string");
});
