import { assert, assertEquals } from "@std/assert";
import { registerUser, startTestApp, type TestApp } from "../kit/app.ts";
import { testClock } from "../kit/clock.ts";
import { createProbeRouter, eventually, pause, startSplitApp, type StreamLog } from "./probe_app.ts";

const STALENESS_SECONDS = 2;

/** An open subscription, read as a browser's EventSource would. */
interface OpenStream extends AsyncDisposable {
  ticks(): number;
  /** The reason that it ended with, "without a reason", or null while it is open. */
  end(): string | null;
  close(): void;
}

async function openStream({ origin }: TestApp, bearer: string): Promise<OpenStream> {
  const abort = new AbortController();
  const response = await fetch(`${origin}/trpc/ticks`, {
    headers: { authorization: `Bearer ${bearer}`, accept: "text/event-stream" },
    signal: abort.signal,
  });
  let text = "";
  let isOpen = true;
  const reading = (async () => {
    for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) text += piece;
  })().catch(() => {}).finally(() => isOpen = false);
  const findReason = () => text.match(/"reason":"([A-Z_]+)"/)?.[1];
  return {
    ticks: () => text.match(/^data: \d+$/gm)?.length ?? 0,
    end: () => findReason() ?? (isOpen ? null : "without a reason"),
    close: () => abort.abort(),
    async [Symbol.asyncDispose]() {
      abort.abort();
      await reading;
    },
  };
}

Deno.test("R-23: an open stream ends within S of a logout on another instance", async () => {
  await using app = await startSplitApp({ revocationMaxStalenessSeconds: STALENESS_SECONDS });
  const { tokens } = await registerUser(app.near);
  const other = await registerUser(app.near);
  await using stream = await openStream(app.far, tokens.accessToken);
  await using kept = await openStream(app.far, other.tokens.accessToken);
  await eventually("the streams run", 5_000, () => stream.ticks() > 1 && kept.ticks() > 1);
  await app.near.call("auth.logout", { body: {}, bearer: tokens.accessToken });
  await eventually("the stream ends", STALENESS_SECONDS * 1_000, () => stream.end() !== null);
  assertEquals(stream.end(), "SESSION_REVOKED");
  const ticks = kept.ticks();
  await eventually("the other one goes on", 2_000, () => kept.ticks() > ticks);
  assertEquals(kept.end(), null);
});

Deno.test("R-35: an open stream ends when the time of its access token is over", async () => {
  await using app = await startTestApp({ router: createProbeRouter() });
  const { tokens } = await registerUser(app);
  await using stream = await openStream(app, tokens.accessToken);
  await eventually("the stream runs", 5_000, () => stream.ticks() > 1);
  await app.advance(500);
  await pause(1_200);
  assertEquals(stream.end(), null);
  await app.advance(101);
  await eventually("the stream ends", 2_000, () => stream.end() !== null);
  assertEquals(stream.end(), "TOKEN_EXPIRED");
});

for (const mode of ["refuse", "blackhole"] as const) {
  Deno.test(`F-18 ${mode}: an open stream goes on for S without the database, and then ends with UNAVAILABLE`, async () => {
    const clock = testClock();
    await using app = await startSplitApp({ far: { clock } });
    const { tokens } = await registerUser(app.near);
    await using stream = await openStream(app.far, tokens.accessToken);
    await eventually("the stream runs", 5_000, () => stream.ticks() > 1);
    await app.proxy.set(mode);
    await pause(1_500);
    assertEquals(stream.end(), null);
    clock.shiftMs += 5_000;
    await eventually("the stream ends", 2_000, () => stream.end() !== null);
    assertEquals(stream.end(), "UNAVAILABLE");
  });
}

Deno.test("F-40: a copy that overflows ends no stream while the database answers", async () => {
  await using app = await startTestApp({ router: createProbeRouter(), denylistReplicaMax: 20 });
  const { tokens } = await registerUser(app);
  await using stream = await openStream(app, tokens.accessToken);
  await eventually("the stream runs", 5_000, () => stream.ticks() > 1);
  await app.database.sql`
    insert into denylist (session_id, expires_at)
    select gen_random_uuid(), now() + interval '1 hour' from generate_series(1, 30)`;
  await eventually(
    "the copy is full",
    5_000,
    () => app.logs.some((line) => line.includes("replica is full")),
  );
  await pause(2_500);
  assertEquals(stream.end(), null);
  await app.call("auth.logout", { body: {}, bearer: tokens.accessToken });
  await eventually("the stream ends", 5_000, () => stream.end() !== null);
  assertEquals(stream.end(), "SESSION_REVOKED");
});

Deno.test("a client that leaves its stream makes the procedure's own finally run", async () => {
  const streams: StreamLog = { finallyCount: 0 };
  await using app = await startTestApp({ router: createProbeRouter(streams) });
  const { tokens } = await registerUser(app);
  await using left = await openStream(app, tokens.accessToken);
  await using stays = await openStream(app, tokens.accessToken);
  await eventually("the streams run", 5_000, () => left.ticks() > 1 && stays.ticks() > 1);
  left.close();
  await eventually("its finally ran", 3_000, () => streams.finallyCount === 1);
  assert(stays.end() === null);
});

Deno.test("a stream that is ended makes the procedure's own finally run", async () => {
  const streams: StreamLog = { finallyCount: 0 };
  await using app = await startTestApp({ router: createProbeRouter(streams) });
  const { tokens } = await registerUser(app);
  await using stream = await openStream(app, tokens.accessToken);
  await eventually("the stream runs", 5_000, () => stream.ticks() > 1);
  await app.call("auth.logout", { body: {}, bearer: tokens.accessToken });
  await eventually("its finally ran", 3_000, () => streams.finallyCount === 1);
});
