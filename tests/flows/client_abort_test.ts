import { assert, assertEquals } from "@std/assert";
import { createTRPCClient, type Operation, TRPCClientError, type TRPCLink } from "@trpc/client";
import { observable } from "@trpc/server/observable";
import { createAuthClient } from "@watchword/client";
import { password } from "../kit/app.ts";
import { pause } from "../kit/eventually.ts";
import { createGate, outcomeOf, standingClock, startClientScene } from "../kit/client_scene.ts";
import type { CounterApp } from "../kit/counter_app.ts";

Deno.test("C-21: an aborted getAccessToken and an aborted fetch end during the refresh, which goes on", async () => {
  const gate = createGate();
  await using scene = await startClientScene({ alter: gate.alter });
  const { app, client, wire } = scene;
  await app.advance(3_600);
  const controller = new AbortController();
  const { signal } = controller;
  const token = outcomeOf(client.getAccessToken({ signal }));
  const fetched = outcomeOf(client.fetch(`${app.origin}/v1/me`, { signal }));
  const asked = outcomeOf(client.fetch(new Request(`${app.origin}/v1/me`, { signal })));
  const kept = client.getAccessToken();
  await gate.arrived;
  controller.abort();
  assertEquals(await Promise.all([token, fetched, asked]), ["AbortError", "AbortError", "AbortError"]);
  gate.release();
  assert(await kept);
  assertEquals([wire.count("auth.refresh"), wire.count("me")], [1, 0]);
});

Deno.test("C-21: an aborted sign-in ends at once, with the reason of the abort", async () => {
  const gate = createGate("auth.login");
  await using scene = await startClientScene({ alter: gate.alter });
  const controller = new AbortController();
  const reason = new Error("the form was closed");
  const login = scene.client.login({ identifier: "ada", password: "?" }, { signal: controller.signal })
    .catch((error) => error);
  await gate.arrived;
  controller.abort(reason);
  assertEquals(await login, reason);
  gate.release();
});

Deno.test("C-23: a call that is aborted before it starts sends nothing and starts no refresh", async () => {
  await using scene = await startClientScene({ client: { refreshAheadSeconds: 60 } });
  const { app, client, wire } = scene;
  const signal = AbortSignal.abort();
  // Soon due, then over.
  for (const seconds of [560, 3_600]) {
    await app.advance(seconds);
    const before = wire.sent.length;
    assertEquals(await outcomeOf(client.trpc.read.query(undefined, { signal })), "TRPCClientError");
    assertEquals(await outcomeOf(client.fetch(`${app.origin}/v1/me`, { signal })), "AbortError");
    assertEquals(await outcomeOf(client.getAccessToken({ signal, force: true })), "AbortError");
    await pause(20);
    assertEquals(wire.sent.length, before);
  }
});

/** The session's link over one that a test ends by hand. */
function followLink(link: TRPCLink<CounterApp>, answer: TRPCLink<CounterApp>) {
  const sent: { id: number; isStopped: boolean }[] = [];
  const recorded: TRPCLink<CounterApp> = (runtime) => ({ op, next }) =>
    observable((observer) => {
      const one = { id: op.id, isStopped: false };
      sent.push(one);
      const inner = answer(runtime)({ op, next }).subscribe(observer);
      return () => {
        one.isStopped = true;
        inner.unsubscribe();
      };
    });
  return { sent, trpc: createTRPCClient<CounterApp>({ links: [link, recorded] }) };
}

const silent: TRPCLink<CounterApp> = () => () => observable(() => {});
const refused = { data: { auth: { reason: "TOKEN_EXPIRED", executed: false } } };

Deno.test("C-24: a subscription that is given up during the refresh is never sent, and nothing rejects", async () => {
  const gate = createGate();
  await using scene = await startClientScene({ alter: gate.alter });
  const { app, client } = scene;
  const { sent, trpc } = followLink(client.link(), silent);
  const faults: unknown[] = [];
  const listener = (event: PromiseRejectionEvent) => faults.push(event.reason);
  globalThis.addEventListener("unhandledrejection", listener);
  await app.advance(3_600);
  // The counter app has no subscription: this is how its client would call one.
  const feed =
    (trpc as unknown as { feed: { subscribe(input: undefined, options: object): { unsubscribe(): void } } })
      .feed.subscribe(undefined, { onError: (error: unknown) => faults.push(error) });
  await gate.arrived;
  feed.unsubscribe();
  gate.release();
  assert(await client.getAccessToken());
  await pause(10);
  globalThis.removeEventListener("unhandledrejection", listener);
  assertEquals([sent, faults], [[], []]);
});

Deno.test("C-25: a call that is given up while it is sent again has its request aborted", async () => {
  await using scene = await startClientScene();
  const { app } = scene;
  const signals: (AbortSignal | null | undefined)[] = [];
  const second = Promise.withResolvers<void>();
  using client = createAuthClient<CounterApp>({
    url: `${app.origin}/trpc`,
    async fetch(input, init) {
      if (!String(input).includes("/read")) return await fetch(input, init);
      signals.push(init?.signal);
      if (signals.length === 1) return await fetch(input, init);
      second.resolve();
      return await new Promise((_, reject) =>
        init?.signal?.addEventListener("abort", () => reject(init.signal?.reason))
      );
    },
  });
  await client.login({ identifier: "ada", password: password });
  await app.advance(3_600);
  const controller = new AbortController();
  const call = outcomeOf(client.trpc.read.query(undefined, { signal: controller.signal }));
  await second.promise;
  controller.abort();
  assertEquals(await call, "TRPCClientError");
  assertEquals(signals.map((signal) => signal?.aborted), [false, true]);
});

Deno.test("C-26: a call that fails synchronously is sent again in a later turn, and ended with its second sending", async () => {
  await using scene = await startClientScene({ client: { clock: standingClock } });
  let sends = 0;
  let isInCallback = false;
  const nested: boolean[] = [];
  const failing: TRPCLink<CounterApp> = () => ({ op: _op }: { op: Operation }) =>
    observable((observer) => {
      nested.push(isInCallback);
      if (++sends > 1) return;
      isInCallback = true;
      observer.error(Object.assign(new TRPCClientError<CounterApp>("expired"), refused));
      isInCallback = false;
    });
  const { sent, trpc } = followLink(scene.client.link(), failing);
  const controller = new AbortController();
  const call = outcomeOf(trpc.read.query(undefined, { signal: controller.signal }));
  while (sends < 2) await pause(2);
  assertEquals([nested, sent.map(({ isStopped }) => isStopped)], [[false, false], [true, false]]);
  controller.abort();
  await call;
  assertEquals(sent.map(({ isStopped }) => isStopped), [true, true]);
  assertEquals(scene.wire.count("auth.refresh"), 1);
});
