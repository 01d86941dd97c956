import { assert, assertEquals, assertRejects } from "@std/assert";
import { createElement } from "react";
import {
  onlineManager,
  QueryClient,
  QueryClientProvider,
  QueryObserver,
  useQuery,
} from "@tanstack/react-query";
import { createTRPCOptionsProxy } from "@trpc/tanstack-react-query";
import { createAuthClient } from "@watchword/client";
import { AuthProvider, SignedIn } from "@watchword/client/react";
import { authRetry, bindQueryClient } from "@watchword/client/tanstack";
import { password, startTestApp } from "../kit/app.ts";
import { type CounterApp, createCounterApp } from "../kit/counter_app.ts";
import { openPage } from "./open_page.ts";

/** An app with a query cache that follows the session, and a network that can be cut. */
async function startScene({ retryDelay = 0, staleTime = 0 } = {}) {
  const runs = { reads: 0, adds: 0 };
  const app = await startTestApp({ router: createCounterApp(runs) });
  const network = {
    isDown: false,
    requests: [] as string[],
    hold: (): Promise<void> | undefined => undefined,
    signals: [] as (AbortSignal | null | undefined)[],
  };
  const clock = { offsetMs: 0, wall: () => Date.now(), monotonic: () => performance.now() + clock.offsetMs };
  const auth = createAuthClient<CounterApp>({
    url: `${app.origin}/trpc`,
    clock,
    fetch: async (input, init) => {
      network.signals.push(init?.signal);
      const path = new URL(String(input)).pathname.slice("/trpc/".length);
      network.requests.push(path);
      if (network.isDown) throw new TypeError("the network is down");
      const held = path === "read" ? network.hold() : undefined;
      const response = await fetch(input, init);
      await held;
      return response;
    },
  });
  const queryClient = new QueryClient({
    defaultOptions: { queries: { retry: authRetry(3), retryDelay, staleTime, networkMode: "always" } },
  });
  const api = createTRPCOptionsProxy<CounterApp>({ client: auth.trpc, queryClient });
  const stop = bindQueryClient(auth, queryClient);
  return {
    ...{ app, auth, runs, network, clock, queryClient, api, stop },
    reads: () => network.requests.filter((path) => path === "read").length,
    async signUp(username: string): Promise<string> {
      const result = await auth.register({ username, password });
      if (result.status !== "signed_in") throw new Error(result.status);
      return result.user.id;
    },
    /** What a component does that shows a query. */
    show: () => {
      const observer = new QueryObserver(queryClient, api.read.queryOptions());
      const seen: unknown[] = [];
      const unsubscribe = observer.subscribe(({ data }) => void seen.push(data));
      return { observer, seen, unsubscribe, data: () => observer.getCurrentResult().data };
    },
    async [Symbol.asyncDispose]() {
      stop();
      queryClient.unmount();
      queryClient.clear();
      auth.dispose();
      await app[Symbol.asyncDispose]();
    },
  };
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2_000 && !isTrue(); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert(isTrue(), `never: ${isTrue}`);
}
const settle = () => new Promise((resolve) => setTimeout(resolve, 30));

Deno.test("C-76: a query whose session has ended is asked once, not four times", async () => {
  await using scene = await startScene();
  const { app, auth, queryClient, api } = scene;
  await auth.register({ username: "ada", password });
  await app.call("auth.logout", { body: { scope: "all" }, bearer: await auth.getAccessToken() ?? "" });
  await assertRejects(() => queryClient.fetchQuery(api.read.queryOptions()));
  assertEquals([scene.reads(), auth.state.status], [1, "anonymous"]);
});

Deno.test("C-76: a query whose session ends at the refresh is not asked at all, and the refresh once", async () => {
  await using scene = await startScene();
  const { app, auth, clock, network, queryClient, api } = scene;
  await auth.register({ username: "ada", password });
  await app.call("auth.logout", { body: { scope: "all" }, bearer: await auth.getAccessToken() ?? "" });
  clock.offsetMs += 3_600_000;
  network.requests.length = 0;
  await assertRejects(() => queryClient.fetchQuery(api.read.queryOptions()));
  assertEquals([network.requests, auth.state.status], [["auth.refresh"], "anonymous"]);
});

Deno.test("a query is asked again when the network fails or the server says later, and for no other refusal", () => {
  const retry = authRetry(2);
  const refused = (reason: string) =>
    Object.assign(new Error(), { data: { auth: { reason, executed: false } } });
  const own = (code: string, retryable: boolean) =>
    new Error("wrapped", { cause: Object.assign(new Error(), { name: "AuthClientError", code, retryable }) });
  for (
    const error of [
      new TypeError(),
      refused("UNAVAILABLE"),
      refused("RATE_LIMITED"),
      own("unreachable", true),
    ]
  ) {
    assertEquals([0, 1, 2].map((failures) => retry(failures, error)), [true, true, false]);
  }
  const final = [
    "SESSION_REVOKED",
    "REFRESH_REUSED",
    "REFRESH_EXPIRED",
    "REFRESH_INVALID",
    "FORBIDDEN",
    "TOKEN_MISSING",
  ]
    .map(refused);
  for (const error of [...final, own("signed_out", false), own("session_changed", false)]) {
    assertEquals(retry(0, error), false);
  }
});

Deno.test("C-25: a component that is gone while its call is sent again has the request aborted", async () => {
  await using scene = await startScene();
  const { app, network, queryClient, api } = scene;
  await scene.signUp("ada");
  // Only the server's clock moves: the first sending is refused.
  await app.advance(3_600);
  const gate = Promise.withResolvers<void>();
  network.hold = () => scene.reads() === 2 ? gate.promise : undefined;
  const options = api.read.queryOptions(undefined, { trpc: { abortOnUnmount: true } });
  const unsubscribe = new QueryObserver(queryClient, options).subscribe(() => {});
  await until(() => scene.reads() === 2);
  const signal = network.signals.at(-1);
  assertEquals([network.requests.at(-1), signal?.aborted], ["read", false]);
  unsubscribe();
  await until(() => signal?.aborted === true);
  gate.resolve();
  await settle();
  assertEquals([scene.reads(), queryClient.getQueryData(api.read.queryKey())], [2, undefined]);
});

Deno.test("another user never sees what was cached, and what is on the screen is fetched anew", async () => {
  await using scene = await startScene();
  const { queryClient, api } = scene;
  const ada = await scene.signUp("ada");
  await queryClient.fetchQuery(api.open.queryOptions());
  const shown = scene.show();
  await until(() => shown.data() === ada);
  shown.seen.length = 0;
  const grace = await scene.signUp("grace");
  assertEquals(queryClient.getQueryCache().find({ queryKey: api.open.queryKey() }), undefined);
  await until(() => shown.data() === grace);
  assertEquals(new Set(shown.seen), new Set([undefined, grace]));
  shown.unsubscribe();
});

Deno.test("an answer for the former user that comes late lands in nobody's cache", async () => {
  await using scene = await startScene();
  const { auth, network, queryClient, api } = scene;
  await auth.register({ username: "ada", password });
  const gate = Promise.withResolvers<void>();
  network.hold = () => gate.promise;
  const shown = scene.show();
  await until(() => scene.runs.reads === 1);
  network.hold = () => undefined;
  const grace = await scene.signUp("grace");
  gate.resolve();
  await until(() => shown.data() === grace);
  assertEquals(new Set(shown.seen), new Set([undefined, grace]));
  assertEquals(queryClient.getQueryData(api.read.queryKey()), grace);
  shown.unsubscribe();
});

Deno.test("a mutation that waited for the network is not sent under the next user's name", async () => {
  await using scene = await startScene();
  const { auth, queryClient, api } = scene;
  queryClient.mount();
  await auth.register({ username: "ada", password });
  onlineManager.setOnline(false);
  try {
    const mutation = queryClient.getMutationCache().build(queryClient, api.add.mutationOptions());
    void mutation.execute({ id: 1 }).catch(() => {});
    await until(() => mutation.state.isPaused);
    await auth.register({ username: "grace", password });
  } finally {
    onlineManager.setOnline(true);
  }
  await queryClient.resumePausedMutations();
  await settle();
  assertEquals(scene.runs.adds, 0);
});

Deno.test("signing out empties the cache, and nothing is asked for a page that is gone", async () => {
  await using scene = await startScene();
  const { auth, queryClient, api, network } = scene;
  await auth.register({ username: "ada", password });
  const Secret = () => createElement("b", null, useQuery(api.read.queryOptions()).data ?? "…");
  const shown = createElement(
    QueryClientProvider,
    { client: queryClient },
    createElement(
      AuthProvider,
      { auth },
      createElement(SignedIn, { fallback: "bye" }, createElement(Secret)),
    ),
  );
  await using page = await openPage(shown);
  await page.act(() => until(() => page.text().length > 10));
  network.requests.length = 0;
  await page.act(async () => {
    await auth.logout();
    await settle();
  });
  assertEquals([page.text(), scene.reads()], ["bye", 0]);
  assertEquals(queryClient.getQueryData(api.read.queryKey()), undefined);
  assertEquals(page.complaints, []);
});

Deno.test("C-75: a plain refresh fetches, drops and tells nothing", async () => {
  await using scene = await startScene();
  const { auth, clock, network } = scene;
  await auth.register({ username: "ada", password });
  const shown = scene.show();
  await until(() => typeof shown.data() === "string");
  const told = shown.seen.length;
  network.requests.length = 0;
  clock.offsetMs += 3_600_000;
  await auth.getAccessToken();
  await settle();
  assertEquals(network.requests, ["auth.refresh"]);
  assertEquals(shown.seen.length, told);
  shown.unsubscribe();
});

for (const [what, staleTime, expected] of [["stale", 0, 1], ["still good", Infinity, 0]] as const) {
  Deno.test(`when the server is back, what is on the screen and ${what} is fetched ${expected} times`, async () => {
    await using scene = await startScene({ staleTime });
    const { auth, clock, network } = scene;
    await auth.register({ username: "ada", password });
    const shown = scene.show();
    await until(() => typeof shown.data() === "string");
    clock.offsetMs += 3_600_000;
    network.isDown = true;
    await auth.getAccessToken().catch(() => {});
    assert(auth.state.status === "authenticated" && auth.state.freshness === "unreachable");
    network.isDown = false;
    network.requests.length = 0;
    clock.offsetMs += 120_000;
    await auth.getAccessToken();
    await settle();
    assertEquals(scene.reads(), expected);
    shown.unsubscribe();
  });
}

Deno.test("a cache that is no longer bound follows nothing", async () => {
  await using scene = await startScene();
  const { auth, queryClient, stop } = scene;
  await auth.register({ username: "ada", password });
  queryClient.setQueryData(["own"], 1);
  stop();
  await auth.logout();
  await settle();
  assertEquals(queryClient.getQueryData(["own"]), 1);
});
