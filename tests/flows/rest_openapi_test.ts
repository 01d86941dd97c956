import { assert, assertEquals } from "@std/assert";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import * as shared from "@watchword/shared";
import { isReason, reasons } from "@watchword/shared";
import { z } from "zod";
import type { OpenApi } from "../../server/http/openapi.ts";
import { restExamples } from "../../server/http/rest_examples.ts";
import { startTestApp, type TestApp } from "../kit/app.ts";
import { listRoutes } from "./rest_calls.ts";

interface Operation {
  operationId: string;
  summary: string;
  security: Record<string, unknown>[];
  responses: Record<string, Response>;
}

interface Response {
  content: Record<string, {
    schema: { $ref?: string; properties?: { reason: { enum: string[] } } };
    examples?: Record<string, { value: Record<string, unknown> }>;
  }>;
}

async function readDocument(app: TestApp): Promise<OpenApi> {
  const { status, headers, text } = await app.call("/openapi.json");
  assertEquals([status, headers.get("content-type")], [200, "application/json"]);
  return JSON.parse(text);
}

const operationOf = ({ paths }: OpenApi, path: string, method: string) =>
  paths[path]?.[method] as unknown as Operation;

function refusalsOf({ responses }: Operation): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(responses).flatMap(([status, { content }]) => {
      const problem = content["application/problem+json"];
      return problem ? [[status, problem.schema.properties?.reason.enum ?? []]] : [];
    }),
  );
}

Deno.test("the document is valid OpenAPI 3.1, its examples match its schemas, and nothing in it is unused", async () => {
  await using app = await startTestApp();
  const document = await readDocument(app);
  const config = await createConfig({ extends: ["recommended-strict"] });
  const lint = async (text: string) =>
    (await lintFromString({ source: text, absoluteRef: "/openapi.json", config })).map(
      ({ ruleId, message, location: [at] }) => `${ruleId}: ${message} ${at?.pointer ?? ""}`,
    );
  assertEquals(await lint(JSON.stringify(document)), []);
  assertEquals(document.openapi, "3.1.0");
  // The validator sees what is wrong: an example that its schema refuses.
  const broken = JSON.stringify(document).replaceAll('"generation":0', '"generation":-1');
  assert((await lint(broken)).some((line) => line.startsWith("no-invalid-media-type-examples")));
});

Deno.test("the document has every route and no other, each under its procedure's name", async () => {
  await using app = await startTestApp();
  const { paths } = await readDocument(app);
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) =>
      `${method.toUpperCase()} ${path} ${operationId}`
    )
  );
  const camel = (procedure: string) =>
    procedure.replaceAll(/\.(.)/g, (_, letter: string) => letter.toUpperCase());
  const served = listRoutes(app).map(({ method, template, procedure }) =>
    `${method} ${template} ${camel(procedure)}`
  );
  assertEquals(described.toSorted(), served.toSorted());
  for (const { method, template, meta } of listRoutes(app)) {
    assertEquals(paths[template]?.[method.toLowerCase()]?.["summary"], meta.summary);
  }
});

Deno.test("components are the exported schemas by their names, as zod writes them", async () => {
  await using app = await startTestApp();
  const { components: { schemas } } = await readDocument(app);
  const exported = new Map(Object.entries(shared).filter(([, value]) => value instanceof z.ZodType));
  const names = Object.keys(schemas).filter((name) => name !== "Problem");
  assertEquals(names.filter((name) => !exported.has(name)), []);
  for (const name of ["LoginInput", "RegisterInput", "SignedIn", "Tokens", "User", "Session", "Me"]) {
    assert(names.includes(name), name);
    const schema = exported.get(name) as z.ZodType;
    const io = name.endsWith("Input") ? "input" : "output";
    const { properties, required } = z.toJSONSchema(schema, { io });
    assertEquals(Object.keys(schemas[name]?.properties ?? {}), Object.keys(properties ?? {}));
    assertEquals(schemas[name]?.required, required);
    assertEquals(schemas[name]?.additionalProperties, false);
  }
});

Deno.test("every example is what its zod schema takes", () => {
  const exported = new Map<string, unknown>(Object.entries(shared));
  for (const [name, example] of Object.entries(restExamples)) {
    const schema = exported.get(name);
    if (!(schema instanceof z.ZodType)) throw new Error(`${name} is no schema`);
    assertEquals([name, schema.safeParse(example).error], [name, undefined]);
  }
});

Deno.test("every operation shows an example of what it takes and gives, and of each refusal", async () => {
  await using app = await startTestApp();
  const document = await readDocument(app);
  for (const { method, template } of listRoutes(app)) {
    const text = JSON.stringify(document.paths[template]?.[method.toLowerCase()]);
    const { requestBody, responses } = JSON.parse(text);
    if (requestBody) assert(requestBody.content["application/json"].example, `${template} input`);
    const operation = operationOf(document, template, method.toLowerCase());
    const [, success] = Object.entries<Response>(responses).find(([status]) => status < "300") ?? [];
    assert(JSON.stringify(success).includes('"example":'), `${template} output`);
    for (const { content } of Object.values(operation.responses)) {
      const problem = content["application/problem+json"];
      if (problem) assertEquals(Object.keys(problem.examples ?? {}), problem.schema.properties?.reason.enum);
    }
  }
});

Deno.test("every refusal stands under the status of its reason", async () => {
  await using app = await startTestApp();
  const document = await readDocument(app);
  for (const { method, template } of listRoutes(app)) {
    for (
      const [status, names] of Object.entries(
        refusalsOf(operationOf(document, template, method.toLowerCase())),
      )
    ) {
      for (const name of names) {
        if (!isReason(name)) throw new Error(`not a reason: ${name}`);
        assertEquals([template, name, reasons[name].status], [template, name, Number(status)]);
      }
    }
  }
});

Deno.test("an operation lists the reasons of its edge, its guard and its own code, and no other", async () => {
  await using app = await startTestApp();
  const document = await readDocument(app);
  const list = (path: string, method: string) =>
    Object.values(refusalsOf(operationOf(document, path, method))).flat().toSorted();
  const edge = ["INPUT_INVALID", "CSRF", "UNAVAILABLE", "INTERNAL"];
  const body = ["BODY_TYPE", "BODY_TOO_LARGE", "BODY_TOO_SLOW"];
  const bearer = ["TOKEN_MISSING", "TOKEN_INVALID", "TOKEN_EXPIRED", "SESSION_REVOKED"];
  const refresh = ["REFRESH_INVALID", "REFRESH_EXPIRED", "REFRESH_REUSED", "SESSION_REVOKED"];
  assertEquals(list("/v1/me", "get"), [...edge, ...bearer, "RATE_LIMITED"].toSorted());
  assertEquals(list("/v1/token/refresh", "post"), [...edge, ...body, ...refresh, "RATE_LIMITED"].toSorted());
  assertEquals(
    list("/v1/sessions/{sessionId}", "delete"),
    [...edge, ...body, ...bearer, "RATE_LIMITED", "NOT_FOUND"].toSorted(),
  );
});

Deno.test("an operation says what it asks of its caller: nothing, a bearer, or one of two tokens", async () => {
  await using app = await startTestApp();
  const document = await readDocument(app);
  const security = (path: string, method: string) => operationOf(document, path, method).security;
  assertEquals(security("/v1/login", "post"), []);
  assertEquals(security("/v1/me", "get"), [{ bearer: [] }]);
  assertEquals(security("/v1/token/refresh", "post"), [{}, { refreshCookie: [] }]);
  assertEquals(security("/v1/logout", "post"), [{ bearer: [] }, {}, { refreshCookie: [] }]);
  const { securitySchemes } = document.components as { securitySchemes?: Record<string, { name?: string }> };
  assertEquals(Object.keys(securitySchemes ?? {}), ["bearer", "refreshCookie"]);
  assertEquals(securitySchemes?.["refreshCookie"]?.name, "__Host-watchword_refresh");
});
