import { assert, assertEquals } from "@std/assert";
import { z } from "zod";
import { createAuthClient } from "@watchword/client";
import type { Auth } from "@watchword/server";
import { password, startTestApp } from "../kit/app.ts";

Deno.test("an app registers, calls, expires, goes on, logs out and is refused", async () => {
  await using app = await startTestApp();
  using client = app.client();
  assertEquals(await client.register({ username: "ada", password }), {
    status: "signed_in",
    user: (await client.trpc.auth.me.query()).user,
  });
  await app.advance(3_600);
  assertEquals((await client.trpc.auth.me.query()).user.username, "ada");
  await client.logout();
  assertEquals(client.state, { status: "anonymous", lastEnd: "user" });
  assertEquals((await client.login({ identifier: "ada", password: "wrong horse" })).status, "rejected");
});

function createCounterApp(counts: { adds: number; ids: Set<string> }) {
  return ({ trpc, router, protectedProcedure }: Auth) =>
    trpc.router({
      auth: router,
      read: protectedProcedure.query(({ ctx }) => ctx.auth.userId),
      add: protectedProcedure.input(z.object({ id: z.string() })).mutation(({ input }) => {
        counts.adds++;
        counts.ids.add(input.id);
        return input.id;
      }),
    });
}

Deno.test("C-1: 1,000 calls under an expired token cost one refresh, fail never and run no mutation twice", async () => {
  const counts = { adds: 0, ids: new Set<string>() };
  await using app = await startTestApp({ router: createCounterApp(counts) });
  const requests: string[] = [];
  using client = createAuthClient<ReturnType<ReturnType<typeof createCounterApp>>>({
    url: `${app.origin}/trpc`,
    fetch: (input, init) => {
      requests.push(new URL(String(input)).pathname);
      return fetch(input, init);
    },
  });
  await client.register({ username: "ada", password });
  // Only the server's clock moves: the client believes that its token is good, and is told otherwise.
  await app.advance(3_600);
  const calls = Array.from({ length: 500 }, (_, i) => [
    client.trpc.read.query(),
    client.trpc.add.mutate({ id: String(i) }),
  ]).flat();
  const results = await Promise.allSettled(calls);
  assertEquals(results.filter((result) => result.status === "rejected"), []);
  assertEquals(requests.filter((path) => path.endsWith("auth.refresh")).length, 1);
  assertEquals(requests.filter((path) => /read|add/.test(path)).length, 2 * 1_000 / 10);
  assertEquals(counts.adds, 500);
  assertEquals(counts.ids.size, 500);
  assert(client.state.status === "authenticated");
});
