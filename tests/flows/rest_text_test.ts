import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { z } from "zod";
import type { Auth } from "@watchword/server";
import { readRestRoutes } from "../../server/http/rest_routes.ts";
import { type RawAnswer, startTestApp } from "../kit/app.ts";
import { restOutcome } from "./rest_calls.ts";

const json = (answer: RawAnswer) => JSON.parse(answer.text);
const Shade = z.enum(["light", "dark"]);

function createRouter({ trpc, router, publicProcedure }: Auth) {
  return trpc.router({
    auth: router,
    read: publicProcedure.meta({ rest: "GET /v1/items/{id}" }).input(z.strictObject({
      id: z.int(),
      ids: z.array(z.int()).optional(),
      size: z.number().nullable().optional(),
      flags: z.array(z.boolean()).optional(),
      shade: Shade.nullish(),
      amount: z.int().or(z.number()).default(1),
      since: z.coerce.date().optional(),
    })).query(({ input }) => input),
    write: publicProcedure.meta({ rest: "PUT /v1/items/{id}" })
      .input(z.strictObject({ id: z.int(), title: z.string(), parts: z.array(z.object({ n: z.int() })) }))
      .mutation(({ input }) => input),
    remove: publicProcedure.meta({ rest: "DELETE /v1/items/{id} 204" }).input(z.strictObject({ id: z.int() }))
      .mutation(({ input }) => input.id),
  });
}

Deno.test("a path and a query are read as what their fields are: numbers, lists of them, and what may be null", async () => {
  await using app = await startTestApp({ router: createRouter });
  const query = "?ids=1&ids=2&size=1.5&flags=true&shade=dark&amount=2&since=2026-01-15";
  assertEquals(json(await app.call(`/v1/items/7${query}`)), {
    id: 7,
    ids: [1, 2],
    size: 1.5,
    flags: [true],
    shade: "dark",
    amount: 2,
    since: "2026-01-15T00:00:00.000Z",
  });
  assertEquals(json(await app.call("/v1/items/7")), { id: 7, amount: 1 });
  for (const path of ["x", "1.5", "1e1", "7?ids=x", "7?size=x", "7?size=", "7?shade=grey", "7?flags=1"]) {
    assertEquals([path, restOutcome(await app.call(`/v1/items/${path}`))], [path, "400 INPUT_INVALID"]);
  }
  const written = await app.call("/v1/items/7", { method: "PUT", body: { title: "5", parts: [{ n: 1 }] } });
  assertEquals(json(written), { id: 7, title: "5", parts: [{ n: 1 }] });
});

Deno.test("a 204 has no body and no media type, and its document promises none", async () => {
  await using app = await startTestApp({ router: createRouter });
  const answer = await app.call("/v1/items/7", { method: "DELETE" });
  assertEquals([answer.status, answer.text, answer.headers.get("content-type")], [204, "", null]);
  assertEquals(answer.headers.get("cache-control"), "no-store");
  const { paths } = json(await app.call("/openapi.json"));
  assertEquals(paths["/v1/items/{id}"].delete.responses["204"].content, undefined);
  assertMatch((await app.call("/docs")).text, /DELETE \/v1\/items\/\{id\}/);
});

Deno.test("an input that text cannot hold, or cannot tell apart, is refused when the handler is made", async () => {
  await using app = await startTestApp();
  const { trpc, publicProcedure } = app.auth;
  const refuse = (rest: `GET /v1/${string}` | `PUT /v1/${string}`, input: z.ZodType, message: RegExp) => {
    const procedure = publicProcedure.meta({ rest }).input(input);
    const made = rest.startsWith("GET") ? procedure.query(() => 1) : procedure.mutation(() => 1);
    const error = assertThrows(() => readRestRoutes(trpc.router({ made })), Error);
    assertMatch(error.message, message);
  };
  const fields: Record<string, z.ZodType> = {
    object: z.object({ a: z.string() }),
    record: z.record(z.string(), z.string()),
    listOfObjects: z.array(z.object({ a: z.string() })),
    listOfLists: z.array(z.array(z.string())),
    tuple: z.tuple([z.string(), z.int()]),
    textOrNumber: z.string().or(z.int()),
    textOrList: z.string().or(z.array(z.string())),
    mixed: z.literal([1, "a"]),
    nothing: z.null(),
    json: z.json(),
    textOrNumberOrNull: z.string().or(z.number()).nullable(),
    both: z.object({ a: z.string() }).and(z.object({ b: z.string() })),
  };
  for (const [name, field] of Object.entries(fields)) {
    const message = new RegExp(`its field ${name} cannot be read from text`);
    refuse("GET /v1/x", z.strictObject({ [name]: field }), message);
    refuse(`PUT /v1/x/{${name}}`, z.strictObject({ [name]: field }), message);
  }
  refuse("PUT /v1/x/{ids}", z.strictObject({ ids: z.array(z.int()) }), /its field ids cannot be read/);
  for (const input of [z.string(), z.strictObject({ a: z.string() }).or(z.strictObject({ b: z.string() }))]) {
    refuse("GET /v1/x", input, /its input is no object/);
  }
  const declare = (rest: `DELETE /v1/${string}`) => publicProcedure.meta({ rest }).mutation(() => 1);
  for (const status of [199, 205, 206, 300]) {
    assertThrows(
      () => readRestRoutes(trpc.router({ made: declare(`DELETE /v1/x ${status}`) })),
      Error,
      "STATUS",
    );
  }
  assert(readRestRoutes(trpc.router({ made: declare("DELETE /v1/x 204") })).length === 1);
});
