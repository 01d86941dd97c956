import { Problem } from "./problem.ts";
import { restExamples } from "./rest_examples.ts";
import { COOKIE_MODE, describeOperation } from "./rest_operation.ts";
import type { RestRoute } from "./rest_routes.ts";
import { type JsonSchema, resolveSchema, type SchemaText, toSchemaText } from "./rest_schemas.ts";

type Json = Record<string, unknown>;

/** An OpenAPI document, as far as it is read here again. */
export interface OpenApi extends Json {
  openapi: string;
  paths: Record<string, Record<string, Json>>;
  components: Json & { schemas: Record<string, JsonSchema> };
}

interface OpenApiFacts {
  /** Where the service is reached. */
  issuer: string;
  /** The page that explains the reasons. */
  docsUrl: string;
}

const securitySchemes = {
  bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "An access token." },
  refreshCookie: {
    type: "apiKey",
    in: "cookie",
    name: "__Host-watchword_refresh",
    description:
      `Cookie mode, chosen by the header \`${COOKIE_MODE}: cookie\` from an allowed origin: the refresh ` +
      "token travels in this cookie (HttpOnly, Secure, SameSite=Lax) and in no body. Without the header it is ignored.",
  },
};

const headers = {
  RequestId: { description: "Finds the request in the log.", schema: { type: "string", format: "uuid" } },
  RetryAfter: { description: "Seconds to wait.", schema: { type: "integer" } },
  Authenticate: { description: "`Bearer` (RFC 6750 §3).", schema: { type: "string" } },
  RefreshCookie: { description: "In cookie mode: the refresh token.", schema: { type: "string" } },
};

const info = {
  title: "Watchword",
  version: "1",
  license: { name: "MIT", identifier: "MIT" },
  description: "The REST facade: the same procedures as over tRPC, with their guards and limits. A body is " +
    "`application/json` of at most 16 KiB. Refusals are problems (RFC 9457), each with one reason of a closed list.",
};

/**
 * Writes the OpenAPI 3.1 document of a REST facade. Every shape in it comes from the schemas of the procedures.
 *
 * @throws Error when a named schema is another one as input than as output
 */
export function createOpenApi(routes: RestRoute[], { issuer, docsUrl }: OpenApiFacts): OpenApi {
  const schemas: Record<string, JsonSchema> = { Problem: toSchemaText(Problem, "output").schema };
  const paths: OpenApi["paths"] = {};
  for (const route of routes) {
    const input = route.input && toSchemaText(route.input, "input");
    const output = route.output && toSchemaText(route.output, "output");
    const operation = describeOperation(route, { input, output, docsUrl });
    for (const text of [input, output]) addComponents(schemas, operation, text?.definitions ?? {});
    (paths[route.template] ??= {})[route.method.toLowerCase()] = operation;
  }
  const components = { schemas, securitySchemes, headers };
  const document = { openapi: "3.1.0", info, servers: [{ url: issuer }], paths, components };
  return JSON.parse(JSON.stringify(document).replaceAll('"#/$defs/', '"#/components/schemas/'));
}

/** Makes components of the named schemas that a part of the document refers to, and of those that they refer to. */
function addComponents(
  schemas: OpenApi["components"]["schemas"],
  part: object,
  definitions: Definitions,
): void {
  for (const [, name = ""] of JSON.stringify(part).matchAll(/"#\/\$defs\/(\w+)"/g)) {
    const definition = definitions[name];
    if (definition === undefined) continue;
    const example = restExamples[name as keyof typeof restExamples];
    const component = {
      ...definition,
      ...findDiscriminator(definition, definitions),
      ...(example === undefined ? {} : { examples: [example] }),
    };
    const isKnown = Object.hasOwn(schemas, name);
    if (isKnown && JSON.stringify(schemas[name]) !== JSON.stringify(component)) {
      throw new Error(`the schema ${name} is another one as input than as output`);
    }
    if (isKnown) continue;
    schemas[name] = component;
    addComponents(schemas, definition, definitions);
  }
}

type Definitions = SchemaText["definitions"];

/** Which member tells the alternatives of a schema apart: the one that is a constant in each. */
function findDiscriminator({ oneOf = [] }: JsonSchema, definitions: Definitions): Json {
  const options = oneOf.map((option) => ({
    option,
    fields: resolveSchema(option, { definitions }).properties ?? {},
  }));
  const constantOf = (fields: Record<string, unknown>, name: string) =>
    (fields[name] as JsonSchema | undefined)?.const;
  const propertyName = Object.keys(options[0]?.fields ?? {}).find((name) =>
    options.every(({ option, fields }) =>
      option.$ref !== undefined && typeof constantOf(fields, name) === "string"
    )
  );
  if (propertyName === undefined) return {};
  const mapping = options.map(({ option, fields }) => [constantOf(fields, propertyName), option.$ref]);
  return { discriminator: { propertyName, mapping: Object.fromEntries(mapping) } };
}
