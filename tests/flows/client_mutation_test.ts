import { assertEquals } from "@std/assert";
import { TRPCError } from "@trpc/server";
import superjson from "superjson";
import { createAuthClient } from "@watchword/client";
import type { Auth } from "@watchword/server";
import { password, startTestApp } from "../kit/app.ts";
import { type CounterApp, createCounterApp } from "../kit/counter_app.ts";
import { createNestedApp, type NestedApp } from "../library/nested_app.ts";
import { createWire, networkError, refusal, type Sent } from "../kit/wire.ts";

type Alter = (sent: Sent, forward: () => Promise<Response>) => Promise<Response>;

/** A signed-in client whose first `add` meets `alter`. */
async function startWith(alter: Alter) {
  const runs = { reads: 0, adds: 0 };
  const app = await startTestApp({ router: createCounterApp(runs) });
  let adds = 0;
  const wire = createWire((sent, forward) =>
    sent.procedures.includes("add") && ++adds === 1 ? alter(sent, forward) : forward()
  );
  const client = createAuthClient<CounterApp>({ url: `${app.origin}/trpc`, fetch: wire.fetch });
  await client.register({ username: "ada", password });
  return { app, runs, wire, client };
}

const reject = (promise: Promise<unknown>) => promise.then(() => "done", (error) => error);

Deno.test("C-15: a mutation that was refused before it ran is sent again and runs once", async () => {
  const { app, runs, wire, client } = await startWith((_, forward) => forward());
  await using _ = app;
  await app.advance(3_600);
  assertEquals(await client.trpc.add.mutate({ id: 7 }), 7);
  assertEquals([runs.adds, wire.count("add"), wire.count("auth.refresh")], [1, 2, 1]);
});

for (const reason of ["TOKEN_EXPIRED", "TOKEN_INVALID", "TOKEN_MISSING", "UNAVAILABLE", "INTERNAL"]) {
  Deno.test(`a mutation whose code had begun is not sent again, though the reason is ${reason}`, async () => {
    const auth = { reason, executed: true };
    const { app, runs, wire, client } = await startWith(async (sent, forward) => {
      await (await forward()).body?.cancel();
      return refusal(sent, 401, auth);
    });
    await using _ = app;
    const error = await reject(client.trpc.add.mutate({ id: 7 }));
    assertEquals(error.data?.auth, auth);
    assertEquals([runs.adds, wire.count("add"), wire.count("auth.refresh")], [1, 1, 0]);
    assertEquals(client.state.status, "authenticated");
  });
}

Deno.test("C-16: a mutation whose answer was lost on the way is not sent again, and the error surfaces", async () => {
  const { app, runs, wire, client } = await startWith(async (_, forward) => {
    await (await forward()).body?.cancel();
    return networkError();
  });
  await using _ = app;
  const error = await reject(client.trpc.add.mutate({ id: 7 }));
  assertEquals(error instanceof Error && error.name, "TRPCClientError");
  assertEquals([runs.adds, wire.count("add"), wire.count("auth.refresh")], [1, 1, 0]);
});

Deno.test("C-16: a mutation that never left is not sent again either", async () => {
  const { app, runs, wire, client } = await startWith(() => Promise.reject(new TypeError("offline")));
  await using _ = app;
  await reject(client.trpc.add.mutate({ id: 7 }));
  assertEquals([runs.adds, wire.count("add")], [0, 1]);
});

for (
  const [what, answer] of [
    ["a proxy's page", () => new Response("<h1>401</h1>", { status: 401 })],
    [
      "an error without a reason",
      () => Response.json([{ error: { code: -32001, message: "", data: {} } }], { status: 401 }),
    ],
    [
      "a reason that is not on the list",
      (sent: Sent) => refusal(sent, 401, { reason: "STALE", executed: false }),
    ],
    [
      "a reason that does not say whether it ran",
      (sent: Sent) => refusal(sent, 401, { reason: "TOKEN_EXPIRED" }),
    ],
  ] as const
) {
  Deno.test(`C-17: a mutation answered 401 by ${what} is not sent again`, async () => {
    const { app, runs, wire, client } = await startWith(async (sent, forward) => {
      await (await forward()).body?.cancel();
      return answer(sent);
    });
    await using _ = app;
    await reject(client.trpc.add.mutate({ id: 7 }));
    assertEquals([runs.adds, wire.count("add"), wire.count("auth.refresh")], [1, 1, 0]);
    assertEquals(client.state.status, "authenticated");
  });
}

Deno.test("a mutation that the app itself refused is not sent again and refreshes nothing", async () => {
  const { app, wire, client } = await startWith((_, forward) => forward());
  await using _ = app;
  const error = await reject(client.trpc.auth.sessions.revoke.mutate({ sessionId: crypto.randomUUID() }));
  assertEquals(error.data?.auth?.reason, "NOT_FOUND");
  assertEquals([wire.count("auth.sessions.revoke"), wire.count("auth.refresh")], [1, 0]);
});

Deno.test("C-12: of a batch only the calls that were refused are sent again", async () => {
  const { app, runs, wire, client } = await startWith((_, forward) => forward());
  await using _ = app;
  await app.advance(3_600);
  const answers = await Promise.all([client.trpc.open.query(), client.trpc.read.query()]);
  assertEquals([answers[0], runs.reads], ["anyone", 1]);
  assertEquals([wire.count("open"), wire.count("read"), wire.count("auth.refresh")], [1, 2, 1]);
});

/** An app whose procedures refuse by themselves, as one does that asks for a password or calls another service. */
function createStrictApp(runs: Record<"change" | "count" | "upstream", number>) {
  return ({ trpc, router, protectedProcedure, publicProcedure }: Auth) =>
    trpc.router({
      auth: router,
      count: publicProcedure.mutation(() => ++runs.count),
      keep: protectedProcedure.mutation(() => ++runs.count),
      change: protectedProcedure.mutation((): string => {
        runs.change++;
        throw new TRPCError({ code: "UNAUTHORIZED", message: "wrong current password" });
      }),
      upstream: protectedProcedure.query((): string => {
        runs.upstream++;
        throw new TRPCError({ code: "UNAUTHORIZED" });
      }),
    });
}

async function startStrict() {
  const runs = { change: 0, count: 0, upstream: 0 };
  const app = await startTestApp({ router: createStrictApp(runs) });
  const wire = createWire();
  const client = createAuthClient<ReturnType<ReturnType<typeof createStrictApp>>>({
    url: `${app.origin}/trpc`,
    fetch: wire.fetch,
  });
  await client.register({ username: "ada", password });
  return { app, runs, wire, client };
}

Deno.test("C-13: a mutation whose own code says UNAUTHORIZED runs once and refreshes nothing", async () => {
  const { app, runs, wire, client } = await startStrict();
  await using _ = app;
  const error = await reject(client.trpc.change.mutate());
  assertEquals(error.message, "wrong current password");
  assertEquals([runs.change, wire.count("change"), wire.count("auth.refresh")], [1, 1, 0]);
  assertEquals(client.state.status, "authenticated");
});

Deno.test("C-14: a public mutation in one batch with a refused one runs once, and so does the refused one", async () => {
  const { app, runs, wire, client } = await startStrict();
  await using _ = app;
  await app.advance(3_600);
  await Promise.all([client.trpc.count.mutate(), client.trpc.keep.mutate()]);
  assertEquals(wire.sent.slice(-3).map(({ procedures }) => procedures), [
    ["count", "keep"],
    ["auth.refresh"],
    ["keep"],
  ]);
  assertEquals(runs.count, 2);
});

Deno.test("C-20: a query whose own code says UNAUTHORIZED, under a good token, is neither refreshed nor repeated", async () => {
  const { app, runs, wire, client } = await startStrict();
  await using _ = app;
  const error = await reject(client.trpc.upstream.query());
  assertEquals(error.data?.code, "UNAUTHORIZED");
  assertEquals([runs.upstream, wire.count("upstream"), wire.count("auth.refresh")], [1, 1, 0]);
});

Deno.test("C-19: under an app's own root, transformer and formatter a refused mutation is still sent again once", async () => {
  await using app = await startTestApp({
    router: createNestedApp,
    createContext: ({ req }) => ({ tenant: req.headers.get("x-tenant") ?? "none" }),
  });
  const wire = createWire();
  using client = createAuthClient<NestedApp>({
    url: `${app.origin}/trpc`,
    transformer: superjson,
    fetch: wire.fetch,
  });
  assertEquals((await client.register({ username: "ada", password })).status, "signed_in");
  await app.advance(3_600);
  const at = new Date(1_000);
  assertEquals((await client.trpc.rename.mutate({ at })).at, at);
  assertEquals([wire.count("rename"), wire.count("auth.refresh")], [2, 1]);
  assertEquals(await client.login({ identifier: "ada", password: "wrong horse" }), {
    status: "rejected",
    reason: "INVALID_CREDENTIALS",
  });
  await client.logout();
  assertEquals(wire.sent.at(-1)?.procedures, ["auth.logout"]);
});
