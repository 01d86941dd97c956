import { assertEquals } from "@std/assert";
import { TRPCError } from "@trpc/server";
import { z } from "zod";
import type { Auth } from "@watchword/server";
import { registerUser, startTestApp } from "../kit/app.ts";

function createQueryApp({ trpc, router, publicProcedure, protectedProcedure }: Auth) {
  return trpc.router({
    auth: router,
    echo: publicProcedure.input(z.object({ text: z.string() })).query(({ input }) => input.text),
    nothing: publicProcedure.query(() => undefined),
    missing: publicProcedure.query((): string => {
      throw new TRPCError({ code: "NOT_FOUND", message: "no such thing of the app's" });
    }),
    broken: publicProcedure.query((): string => {
      throw new Error("secret of the database");
    }),
    stream: publicProcedure.query(async function* () {
      yield await Promise.resolve(1);
    }),
    guarded: protectedProcedure.query(({ ctx }) => ctx.auth.userId),
  });
}

const input = (value: unknown) => `?input=${encodeURIComponent(JSON.stringify(value))}`;

Deno.test("a plain query is answered just as tRPC's own adapter answers it", async () => {
  await using app = await startTestApp({ router: createQueryApp });
  const { tokens } = await registerUser(app);
  const bearer = { authorization: `Bearer ${tokens.accessToken}` };
  const requests: [string, Record<string, string>][] = [
    [`echo${input({ text: "hi" })}`, {}],
    [`echo${input({ text: 1 })}`, {}],
    ["echo?input={", {}],
    ["echo", {}],
    ["nothing", {}],
    ["missing", {}],
    ["broken", {}],
    ["guarded", {}],
    ["guarded", bearer],
    ["guarded", { authorization: "Bearer garbage" }],
    [`auth.me${input({})}`, bearer],
    [`auth.me${input({ unknown: 1 })}`, bearer],
    ["auth.sessions.list", bearer],
    ["auth.login", {}],
    ["auth.nothing", {}],
  ];
  for (const [path, headers] of requests) {
    const answers = await Promise.all([{}, { "trpc-accept": "application/json" }].map(async (choice) => {
      const answer = await app.call(path, { headers: { ...headers, ...choice } });
      const text = answer.text.replace(/"requestId":"[^"]*"/, '"requestId":"…"');
      const kept = [...answer.headers].filter(([name]) => !["x-request-id", "date"].includes(name));
      return { status: answer.status, body: JSON.parse(text), headers: Object.fromEntries(kept) };
    }));
    assertEquals(answers[0], answers[1], path);
  }
});

Deno.test("a query that yields a stream is refused to a caller who did not ask for one", async () => {
  await using app = await startTestApp({ router: createQueryApp });
  assertEquals((await app.call("stream")).auth?.reason, "BODY_TYPE");
});

Deno.test("an app's own error keeps its text, its bug does not, and its input error names the field", async () => {
  await using app = await startTestApp({ router: createQueryApp });
  const missing = await app.call("missing");
  assertEquals([missing.status, missing.auth], [404, undefined]);
  assertEquals(missing.text.includes("no such thing of the app's"), true);
  const broken = await app.call("broken");
  assertEquals([broken.status, broken.auth?.reason], [500, "INTERNAL"]);
  assertEquals((broken.text + app.logs.join()).includes("secret of the database"), false);
  const wrong = await app.call(`echo${input({ text: 1 })}`);
  assertEquals(wrong.auth, { reason: "INPUT_INVALID", executed: false });
  assertEquals(wrong.text.includes("text"), true);
});
