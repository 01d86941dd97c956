import { assert, assertEquals } from "@std/assert";
import type { Auth } from "@watchword/server";
import type { TestApp } from "../kit/app.ts";
import { eventually } from "../kit/eventually.ts";
import { attack, type Scene } from "./kit.ts";
import { signIn } from "./sign_in.ts";
import { deleteUser, disableUser } from "./state.ts";

/** S of protocol.md §4, and as much again for a machine that is busy. */
const STALENESS_SECONDS = 5;
const GIVE_UP_SECONDS = 2 * STALENESS_SECONDS;

/** An app whose one procedure never ends by itself. */
function createTickingApp({ trpc, router, protectedProcedure }: Auth) {
  return trpc.router({
    auth: router,
    ticks: protectedProcedure.subscription(async function* ({ signal }) {
      for (let tick = 0; !signal?.aborted; tick++) {
        yield tick;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }),
    silence: protectedProcedure.subscription(async function* ({ signal }) {
      yield "open";
      await new Promise((resolve) => signal?.addEventListener("abort", resolve));
    }),
  });
}

interface OpenStream extends AsyncDisposable {
  /** Whether the server has closed it. */
  isClosed: boolean;
  /** What has come so far. */
  text: string;
  /** Settles when the server closes it. */
  closed: Promise<void>;
}

/** Subscribes, and returns when the first event has come. */
async function openStream(app: TestApp, path: string, bearer: string): Promise<OpenStream> {
  const abort = new AbortController();
  const response = await fetch(`${app.origin}/trpc/${path}`, {
    headers: { authorization: `Bearer ${bearer}`, accept: "text/event-stream" },
    signal: abort.signal,
  });
  assertEquals(response.status, 200);
  let first = () => {};
  const started = new Promise<void>((resolve) => first = resolve);
  const stream = { isClosed: false, text: "" };
  async function read(): Promise<void> {
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      stream.text += chunk;
      if (/^data: ("open"|0)$/m.test(stream.text)) first();
    }
    stream.isClosed = true;
  }
  const closed = read().catch(() => {});
  await started;
  return Object.assign(stream, {
    closed,
    async [Symbol.asyncDispose]() {
      abort.abort();
      await closed;
    },
  });
}

/** Asserts that a stream is closed within the bound, and tells why. */
async function assertCloses(stream: OpenStream, reason: string): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, GIVE_UP_SECONDS * 1_000));
  await Promise.race([stream.closed, late]);
  clearTimeout(timer);
  assert(stream.isClosed, "the stream is still open");
  assert(stream.text.includes(reason), stream.text.slice(-500));
  assert(!/"stack"|eyJ/.test(stream.text));
}

type Tokens = Awaited<ReturnType<typeof signIn>>;
const ends: Record<string, (scene: Scene, tokens: Tokens) => Promise<unknown>> = {
  "a logout on the same instance": ({ app }, { accessToken }) =>
    app.call("auth.logout", { bearer: accessToken, body: {} }),
  "a logout on another instance": ({ other }, { accessToken }) =>
    other.call("auth.logout", { bearer: accessToken, body: {} }),
  "a logout of all on another instance": ({ other }, { accessToken }) =>
    other.call("auth.logout", { bearer: accessToken, body: { scope: "all" } }),
  "a disabling that nobody announced": ({ app }, { accessToken }) => endBySql(app, accessToken, disableUser),
  "a deletion that nobody announced": ({ app }, { accessToken }) => endBySql(app, accessToken, deleteUser),
};

async function endBySql(app: TestApp, bearer: string, end: typeof disableUser): Promise<void> {
  const me = await app.call("auth.me", { bearer });
  await end(app.database.sql, me.data.user.id);
}

for (const [name, end] of Object.entries(ends)) {
  attack(`A-084: ${name} closes the session's open streams, and no other`, async (scene) => {
    const mallory = await scene.registerUser("mallory");
    await using ticks = await openStream(scene.app, "ticks", mallory.tokens.accessToken);
    await using silence = await openStream(scene.app, "silence", mallory.tokens.accessToken);
    await using kept = await openStream(scene.app, "ticks", scene.victim.tokens.accessToken);
    await end(scene, mallory.tokens);
    await Promise.all([ticks, silence].map((stream) => assertCloses(stream, "SESSION_REVOKED")));
    const length = kept.text.length;
    await eventually("the victim's stream goes on", 5_000, () => kept.text.length > length);
    assert(!kept.isClosed);
    const again = await fetch(`${scene.app.origin}/trpc/ticks`, {
      headers: { authorization: `Bearer ${mallory.tokens.accessToken}`, accept: "text/event-stream" },
    });
    const refused = await again.text();
    assert(refused.includes("SESSION_REVOKED") && !/^data: 0$/m.test(refused), refused);
  }, { router: createTickingApp });
}

attack("A-084: a stream ends with its access token", async (scene) => {
  const tokens = await signIn(scene.app, "victim");
  await using ticks = await openStream(scene.app, "ticks", tokens.accessToken);
  await scene.advance(660);
  await assertCloses(ticks, "TOKEN_EXPIRED");
}, { router: createTickingApp });

attack("A-084: a stream of a session that was stolen and ended is closed", async (scene) => {
  const { app, advance } = scene;
  const first = await signIn(app, "victim");
  const second = await app.call("auth.refresh", { body: { refreshToken: first.refreshToken } });
  await advance(11);
  await using ticks = await openStream(app, "ticks", second.data.accessToken);
  const replay = await app.call("auth.refresh", { body: { refreshToken: first.refreshToken } });
  assertEquals(replay.auth?.reason, "REFRESH_REUSED");
  await assertCloses(ticks, "SESSION_REVOKED");
}, { router: createTickingApp });
