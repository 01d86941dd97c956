import { assertEquals } from "@std/assert";
import { type AuthClientOptions, authReason, createAuthClient } from "@watchword/client";
import type { Auth } from "@watchword/server";
import { z } from "zod";
import { password, registerUser, startTestApp } from "../kit/app.ts";
import { outcomeOf } from "../kit/client_scene.ts";
import { createWire } from "../kit/wire.ts";

/** An app that pays only for those who signed in within the last minute. */
function createBank(runs: Map<number, number>) {
  return ({ trpc, router, procedure, protectedProcedure }: Auth) =>
    trpc.router({
      auth: router,
      read: protectedProcedure.query(({ ctx }) => ctx.auth.userId),
      pay: procedure({ auth: "required", maxAgeSeconds: 60 }).input(z.object({ id: z.int() }))
        .mutation(({ input: { id } }) => {
          runs.set(id, (runs.get(id) ?? 0) + 1);
          return id;
        }),
    });
}
type Bank = ReturnType<ReturnType<typeof createBank>>;

/** A client whose sign-in was two minutes ago. */
async function startBank(options: Partial<AuthClientOptions> = {}) {
  const runs = new Map<number, number>();
  const app = await startTestApp({ router: createBank(runs) });
  const wire = createWire();
  const client = createAuthClient<Bank>({
    url: `${app.origin}/trpc`,
    fetch: wire.fetch,
    clock: { wall: () => app.clock.now().getTime(), monotonic: () => app.clock.monotonicMs() },
    ...options,
  });
  await client.register({ username: "ada", password });
  await app.advance(120);
  return {
    ...{ app, wire, client, runs },
    async [Symbol.asyncDispose]() {
      client.dispose();
      await app[Symbol.asyncDispose]();
    },
  };
}

const payments = Array.from({ length: 20 }, (_, id) => id);

Deno.test("C-86: 20 calls that need a recent sign-in ask once, and each is then sent again and runs once", async () => {
  const asked: unknown[] = [];
  await using scene = await startBank({
    onStepUp: async (need) => {
      asked.push(need);
      const { status } = await scene.client.stepUp({ password });
      return status === "stepped_up" ? "retry" : "fail";
    },
  });
  const { client, wire, runs } = scene;
  assertEquals(await Promise.all(payments.map((id) => client.trpc.pay.mutate({ id }))), payments);
  assertEquals(asked, [{ maxAgeSeconds: 60 }]);
  assertEquals([...runs.values()], payments.map(() => 1));
  assertEquals([wire.count("pay"), wire.count("auth.stepUp"), wire.count("auth.refresh")], [4, 1, 0]);
  assertEquals(await outcomeOf(client.trpc.pay.mutate({ id: 99 })), "done");
  assertEquals(asked.length, 1);
});

Deno.test("C-86: the next time that it is needed is asked for anew", async () => {
  let asked = 0;
  await using scene = await startBank({
    onStepUp: async () => {
      asked++;
      await scene.client.stepUp({ password });
      return "retry";
    },
  });
  await scene.client.trpc.pay.mutate({ id: 1 });
  await scene.app.advance(120);
  await scene.client.trpc.pay.mutate({ id: 2 });
  assertEquals([asked, scene.runs.get(2)], [2, 1]);
});

for (
  const [what, onStepUp] of [
    ["says no", () => Promise.resolve("fail" as const)],
    ["fails", () => Promise.reject(new Error("the dialog broke"))],
  ] as const
) {
  Deno.test(`C-86: where the asking ${what}, the calls fail with the server's reason and nothing ran`, async () => {
    await using scene = await startBank({ onStepUp });
    const outcomes = await Promise.all(payments.map((id) => outcomeOf(scene.client.trpc.pay.mutate({ id }))));
    assertEquals(new Set(outcomes), new Set(["STEP_UP_REQUIRED"]));
    assertEquals([scene.runs.size, scene.wire.count("pay"), scene.client.state.status], [
      0,
      2,
      "authenticated",
    ]);
  });
}

Deno.test("C-86: without anybody to ask, the refusal reaches the caller with how recent it must be", async () => {
  await using scene = await startBank();
  const error = await scene.client.trpc.pay.mutate({ id: 1 }).then(() => null, (thrown) => thrown);
  assertEquals([authReason(error), error.data.auth.maxAgeSeconds], ["STEP_UP_REQUIRED", 60]);
});

Deno.test("C-86: an answer that did not help is not asked for without end", async () => {
  let asked = 0;
  await using scene = await startBank({ onStepUp: () => (asked++, Promise.resolve("retry")) });
  assertEquals(await outcomeOf(scene.client.trpc.pay.mutate({ id: 1 })), "STEP_UP_REQUIRED");
  assertEquals([asked, scene.wire.count("pay"), scene.runs.size], [1, 2, 0]);
});

Deno.test("C-86: a call that is aborted while the user is asked ends at once, and is not sent later", async () => {
  const asking = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<"retry">();
  await using scene = await startBank({ onStepUp: () => (asking.resolve(), answer.promise) });
  const controller = new AbortController();
  const aborted = outcomeOf(scene.client.trpc.pay.mutate({ id: 1 }, { signal: controller.signal }));
  await asking.promise;
  controller.abort();
  assertEquals(await aborted, "TRPCClientError");
  await scene.client.stepUp({ password });
  answer.resolve("retry");
  await scene.client.trpc.read.query();
  assertEquals([scene.wire.count("pay"), scene.runs.size], [1, 0]);
});

Deno.test("C-86: where another user signs in meanwhile, nothing is paid in their name", async () => {
  await using scene = await startBank({
    onStepUp: async () => {
      const { username } = await registerUser(scene.app);
      await scene.client.login({ identifier: username, password });
      return "retry";
    },
  });
  assertEquals(await outcomeOf(scene.client.trpc.pay.mutate({ id: 1 })), "session_changed");
  assertEquals([scene.wire.count("pay"), scene.runs.size], [1, 0]);
});

Deno.test("a call that was under way when a step-up replaced its session is sent again under the new one", async () => {
  await using scene = await startBank();
  const { client, app, wire } = scene;
  const bearer = await client.getAccessToken();
  await client.stepUp({ password });
  assertEquals((await app.call("read", { bearer: bearer ?? "" })).auth?.reason, "SESSION_REVOKED");
  const held = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const other = createAuthClient<Bank>({
    url: `${app.origin}/trpc`,
    fetch: async (input, init) => {
      if (!String(input).includes("/read") || wire.count("read") > 0) return await wire.fetch(input, init);
      arrived.resolve();
      await held.promise;
      return await wire.fetch(input, init);
    },
  });
  await other.login({ identifier: "ada", password });
  const reading = outcomeOf(other.trpc.read.query());
  await arrived.promise;
  await other.stepUp({ password });
  held.resolve();
  assertEquals([await reading, wire.count("read"), other.state.status], ["done", 2, "authenticated"]);
});
