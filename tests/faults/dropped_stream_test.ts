import { assertEquals } from "@std/assert";
import type { Auth } from "@watchword/server";
import { registerUser, startTestApp } from "../kit/app.ts";

Deno.test("a late part of an answer that nobody waits for ends with its session, and no rejection is left to end the process", async () => {
  const unhandled: unknown[] = [];
  const note = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", note);
  const { promise: late, resolve } = Promise.withResolvers<string>();
  const answer = () => ({ fast: 1, late });
  const createRouter = ({ trpc, router, protectedProcedure }: Auth) =>
    trpc.router({
      auth: router,
      read: protectedProcedure.meta({ rest: "GET /v1/read" }).query(answer),
      write: protectedProcedure.meta({ rest: "POST /v1/write" }).mutation(answer),
    });
  try {
    await using app = await startTestApp({ router: createRouter });
    const { tokens: { accessToken: bearer } } = await registerUser(app);
    const answers = [
      await app.call("/v1/read", { bearer }),
      await app.call("/v1/write", { bearer, method: "POST" }),
      await app.call("read", { bearer }),
      await app.call("read?batch=1", { bearer }),
      await app.call("write", { bearer, method: "POST" }),
    ];
    assertEquals(answers.map(({ status }) => status), [415, 415, 415, 415, 415]);
    await app.call("auth.logout", { body: {}, bearer });
    // Streams are asked about every second.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    assertEquals(unhandled, []);
  } finally {
    resolve("late");
    globalThis.removeEventListener("unhandledrejection", note);
  }
});
