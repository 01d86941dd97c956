import { assertEquals } from "@std/assert";
import type { Auth } from "@watchword/server";
import { password, registerUser, startTestApp } from "../kit/app.ts";

const createRouter = ({ trpc, router, publicProcedure }: Auth) =>
  trpc.router({
    auth: router,
    news: publicProcedure.meta({ rest: "GET /v1/news" }).query(() => "news"),
  });

Deno.test("no answer that holds a token or an account may be kept, whatever the app's context says; the app's own may", async () => {
  const publicly = "public, max-age=60";
  await using app = await startTestApp({
    router: createRouter,
    createContext({ resHeaders }) {
      resHeaders.set("cache-control", publicly);
      return {};
    },
  });
  const { tokens: { accessToken: bearer } } = await registerUser(app, "ada");
  const body = { identifier: "ada", password };
  const calls: [expected: string, path: string, options?: Parameters<typeof app.call>[1]][] = [
    ["no-store", "auth.me", { bearer }],
    ["no-store", "auth.me?batch=1", { bearer }],
    ["no-store", "auth.me,news?batch=1", { bearer }],
    ["no-store", "auth.me", { bearer, headers: { "trpc-accept": "application/jsonl" } }],
    ["no-store", "auth.login", { body }],
    ["no-store", "auth.login", { body: { ...body, password: "wrong horse battery" } }],
    ["no-store", "/v1/me", { bearer }],
    ["no-store", "/v1/me"],
    ["no-store", "/v1/login", { body }],
    [publicly, "news"],
    [publicly, "/v1/news"],
  ];
  for (const [expected, path, options] of calls) {
    const { headers } = await app.call(path, options);
    assertEquals([path, headers.get("cache-control")], [path, expected]);
  }
});
