import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { TRPCError } from "@trpc/server";
import { z } from "zod";
import type { Auth } from "@watchword/server";
import { readRestRoutes } from "../../server/http/rest_routes.ts";
import { password, type RawAnswer, registerUser, startTestApp } from "../kit/app.ts";
import { readProblem, restOutcome } from "./rest_calls.ts";

const Page = z.strictObject({
  limit: z.int().max(50).default(10),
  done: z.boolean().optional(),
  tag: z.array(z.string()).optional(),
  search: z.string().optional(),
});

function createTodoApp({ trpc, router, protectedProcedure, publicProcedure }: Auth) {
  return trpc.router({
    auth: router,
    todo: {
      list: protectedProcedure.meta({ rest: "GET /v1/todos", summary: "Lists todos" }).input(Page).output(
        Page,
      )
        .query(({ input }) => input),
      latest: publicProcedure.meta({ rest: "GET /v1/todos/latest" }).query(() => "latest"),
      read: publicProcedure.meta({ rest: "GET /v1/todos/{id}" }).input(z.strictObject({ id: z.string() }))
        .query(({ input }) => input.id),
      rename: protectedProcedure.meta({ rest: "PUT /v1/todos/{id}" })
        .input(z.strictObject({ id: z.string(), title: z.string() })).mutation(({ input }) => input),
      add: protectedProcedure.meta({ rest: "POST /v1/todos 201" }).input(
        z.strictObject({ title: z.string() }),
      )
        .mutation(({ input }) => ({ id: "1", at: new Date(0), ...input })),
      clear: publicProcedure.meta({ rest: "DELETE /v1/todos" }).mutation(() => undefined),
      sell: publicProcedure.meta({ rest: "POST /v1/todos/{id}/sale" }).input(
        z.strictObject({ id: z.string() }),
      )
        .mutation(() => {
          throw new TRPCError({ code: "PAYMENT_REQUIRED", message: "Nobody pays for todos" });
        }),
      crash: publicProcedure.meta({ rest: "POST /v1/crash" }).mutation(() => {
        throw new Error("c4nary");
      }),
      watch: publicProcedure.meta({ rest: "GET /v1/watch" }).query(async function* () {
        yield 1;
      }),
      hidden: publicProcedure.query(() => "over tRPC only"),
    },
  });
}

const start = () => startTestApp({ router: createTodoApp, limits: { bodyBytes: 100_000 } });
const json = (answer: RawAnswer) => JSON.parse(answer.text);

Deno.test("an app's procedure joins by its meta, with its own guard, status and bound", async () => {
  await using app = await start();
  const { tokens: { accessToken: bearer } } = await registerUser(app);
  assertEquals(restOutcome(await app.call("/v1/todos", { body: { title: "x" } })), "401 TOKEN_MISSING");
  const added = await app.call("/v1/todos", { body: { title: "x" }, bearer });
  assertEquals([added.status, json(added)], [201, { id: "1", at: "1970-01-01T00:00:00.000Z", title: "x" }]);
  assertEquals((await app.call("/v1/todos", { body: { title: "x".repeat(50_000) }, bearer })).status, 201);
  const tooLarge = await app.call("/v1/todos", { body: { title: "x".repeat(100_001) }, bearer });
  assertEquals(restOutcome(tooLarge), "413 BODY_TOO_LARGE");
  assertEquals((await app.call("/v1/todos", { method: "DELETE" })).text, "null");
});

Deno.test("what has a body has no query: nothing is left unheard, and no password in a log of URLs", async () => {
  await using app = await start();
  const { tokens: { accessToken: bearer } } = await registerUser(app);
  const post = (path: string, body = {}) => app.call(path, { body, bearer });
  assertEquals(restOutcome(await post("/v1/logout?scope=all")), "400 INPUT_INVALID");
  assertEquals(restOutcome(await post("/v1/todos/1/sale?id=2")), "400 INPUT_INVALID");
  assertEquals(restOutcome(await post("/v1/step-up?password=x", { password })), "400 INPUT_INVALID");
  assertEquals(restOutcome(await app.call("/v1/me?x=1", { bearer })), "200");
});

Deno.test("a query takes the parameters that its input names, as what they are", async () => {
  await using app = await start();
  const { tokens: { accessToken: bearer } } = await registerUser(app);
  const list = async (query: string) => await app.call(`/v1/todos${query}`, { bearer });
  assertEquals(json(await list("")), { limit: 10 });
  assertEquals(json(await list("?limit=20&done=true&tag=a&tag=b&search=5")), {
    limit: 20,
    done: true,
    tag: ["a", "b"],
    search: "5",
  });
  assertEquals(json(await list("?access_token=x&__proto__=y")), { limit: 10 });
  for (const query of ["?limit=many", "?limit=51", "?limit=1e1", "?limit=", "?done=1", "?limit=1&limit=2"]) {
    assertEquals([query, restOutcome(await list(query))], [query, "400 INPUT_INVALID"]);
  }
});

Deno.test("a path without names is found before one with them, and a name never leaves its segment", async () => {
  await using app = await start();
  assertEquals(json(await app.call("/v1/todos/latest")), "latest");
  assertEquals(json(await app.call("/v1/todos/l.a~t_e-st")), "l.a~t_e-st");
  for (const path of ["/v1/todos/a/b", "/v1/todos/a%2Fb", "/v1/todos/", "/v1/todos/é", "/v1/todos/a;b"]) {
    assertEquals([path, restOutcome(await app.call(path))], [path, "404 NOT_FOUND"]);
  }
});

Deno.test("what the path names, the body may not name again", async () => {
  await using app = await start();
  const { tokens: { accessToken: bearer } } = await registerUser(app);
  const put = (body: unknown) => app.call("/v1/todos/7", { method: "PUT", body, bearer });
  assertEquals(json(await put({ title: "x" })), { id: "7", title: "x" });
  for (
    const body of [
      { title: "x", id: "8" },
      { title: "x", id: "7" },
      { title: "x", more: 1 },
      {},
      [],
      "x",
      null,
    ]
  ) {
    assertEquals([body, restOutcome(await put(body))], [body, "400 INPUT_INVALID"]);
  }
});

Deno.test("an app's own error keeps its status and its words, and a bug keeps them to itself", async () => {
  await using app = await start();
  const sold = await app.call("/v1/todos/7/sale", { method: "POST" });
  const problem = readProblem(sold) as unknown as Record<string, unknown>;
  assertEquals([sold.status, problem["status"], problem["detail"]], [402, 402, "Nobody pays for todos"]);
  assertEquals([problem["type"], problem["reason"]], ["about:blank", undefined]);
  const crashed = await app.call("/v1/crash", { method: "POST" });
  assertEquals(restOutcome(crashed), "500 INTERNAL");
  assert(!crashed.text.includes("c4nary"));
});

Deno.test("a procedure that streams has no answer over REST, and one without a route is not there", async () => {
  await using app = await start();
  assertEquals(restOutcome(await app.call("/v1/watch")), "415 BODY_TYPE");
  assertEquals(restOutcome(await app.call("/v1/hidden")), "404 NOT_FOUND");
});

Deno.test("an app's routes are in the document, with the places of their fields", async () => {
  await using app = await start();
  const { paths } = json(await app.call("/openapi.json"));
  const places = (path: string, method: string) =>
    (paths[path][method].parameters ?? []).map((parameter: { name: string; in: string }) =>
      `${parameter.in} ${parameter.name}`
    );
  assertEquals(places("/v1/todos", "get"), ["query limit", "query done", "query tag", "query search"]);
  assertEquals(places("/v1/todos/{id}", "put"), ["path id"]);
  const { properties } = paths["/v1/todos/{id}"].put.requestBody.content["application/json"].schema;
  assertEquals(Object.keys(properties), ["title"]);
  assertEquals(paths["/v1/todos/{id}/sale"].post.requestBody, undefined);
});

Deno.test("a route that cannot be kept is refused when the handler is made", async () => {
  await using app = await start();
  const { trpc, publicProcedure } = app.auth;
  const declare = (rest: `GET /v1/${string}` | `POST /v1/${string}`) => publicProcedure.meta({ rest });
  const query = (rest: `GET /v1/${string}` | `POST /v1/${string}`) => declare(rest).query(() => 1);
  const faulty: [RegExp, Record<string, ReturnType<typeof query>>][] = [
    [/two procedures have the REST route GET \/v1\/x/, { a: query("GET /v1/x"), b: query("GET /v1/x") }],
    [/its input has no field id/, { a: query("GET /v1/x/{id}") }],
    [/queries are GET/, { a: query("POST /v1/x") }],
    [/METHOD \/v1\/path/, { a: query("GET /v1/X y") }],
    [/METHOD \/v1\/path/, { a: query("GET /v1/") }],
  ];
  for (const [message, procedures] of faulty) {
    const error = assertThrows(() => readRestRoutes(trpc.router(procedures)), Error);
    assertMatch(error.message, message);
  }
  const named = (rest: `GET /v1/${string}`, name: string) =>
    declare(rest).input(z.strictObject({ [name]: z.string() })).query(() => 1);
  const alike = trpc.router({ a: named("GET /v1/x/{id}", "id"), b: named("GET /v1/x/{key}", "key") });
  assertThrows(() => readRestRoutes(alike), Error, "two procedures have the REST route");
  const subscription = declare("GET /v1/x").subscription(async function* () {
    yield 1;
  });
  assertThrows(() => readRestRoutes(trpc.router({ a: subscription })), Error, "subscription");
});
