import { assert, assertEquals } from "@std/assert";
import { TRPCError } from "@trpc/server";
import type { Auth } from "@watchword/server";
import { type RawAnswer, startTestApp, type TestApp, type TestAppOptions } from "../kit/app.ts";

const createRouter = ({ trpc, router, publicProcedure }: Auth) =>
  trpc.router({
    auth: router,
    read: publicProcedure.meta({ rest: "GET /v1/read" }).query(() => ({ amount: 10n })),
    write: publicProcedure.meta({ rest: "POST /v1/write" }).mutation(() => ({ amount: 10n })),
  });

const start = (options: TestAppOptions = {}) => startTestApp({ router: createRouter, ...options });

/** Every way to the two procedures. */
async function callAll(app: TestApp): Promise<[way: string, answer: RawAnswer][]> {
  return [
    ["REST GET", await app.call("/v1/read")],
    ["REST POST", await app.call("/v1/write", { method: "POST" })],
    ["plain query", await app.call("read")],
    ["batch", await app.call("read?batch=1")],
    ["mutation", await app.call("write", { method: "POST" })],
  ];
}

/** One line in the log, found by the id that the answer has, and no word of the bug in either. */
function assertTold({ logs }: TestApp, [way, { status, text, headers }]: [string, RawAnswer]): void {
  const requestId = headers.get("x-request-id") ?? "";
  const bugs = logs.filter((line) => line.includes('"event":"bug"') && line.includes(requestId));
  assertEquals([way, status, bugs.length], [way, 500, 1]);
  assert(text.includes("INTERNAL") && !text.includes("c4nary"), `${way}: ${text}`);
  assert(text.includes(`"requestId":"${requestId}"`), `${way}: ${text}`);
  assertEquals([way, logs.join().includes("c4nary")], [way, false]);
}

Deno.test("an answer that is no JSON is INTERNAL, and the log says where, by the answer's request id", async () => {
  await using app = await start();
  for (const call of await callAll(app)) assertTold(app, call);
});

for (
  const [name, bug] of Object.entries({
    "an Error": new Error("c4nary"),
    "a TRPCError that is INTERNAL": new TRPCError({ code: "INTERNAL_SERVER_ERROR", message: "c4nary" }),
    "a TRPCError with a cause": new TRPCError({
      code: "INTERNAL_SERVER_ERROR",
      message: "c4nary",
      cause: new Error("c4nary"),
    }),
  })
) {
  Deno.test(`a context that throws ${name} is INTERNAL with a request id, and in the log`, async () => {
    await using app = await start({
      createContext() {
        throw bug;
      },
    });
    for (const call of await callAll(app)) assertTold(app, call);
  });
}
