import { type Reason, reasons } from "@watchword/shared";
import { restExamples } from "./rest_examples.ts";
import { listReasons } from "./rest_reasons.ts";
import { NO_CONTENT, type RestRoute } from "./rest_routes.ts";
import { fieldsOf, type JsonSchema, resolveSchema, type SchemaText } from "./rest_schemas.ts";

type Json = Record<string, unknown>;

/** What an operation is described with. */
interface OperationFacts {
  input: SchemaText | null;
  output: SchemaText | null;
  /** The page that explains the reasons. */
  docsUrl: string;
}

/** The header that chooses cookie mode. */
export const COOKIE_MODE = "X-Watchword-Mode";

const headerRef = (name: string) => ({ $ref: `#/components/headers/${name}` });

/** Describes a route as an OpenAPI operation. Its named schemas are still references into `$defs`. */
export function describeOperation(route: RestRoute, { input, output, docsUrl }: OperationFacts): Json {
  const { procedure, status, meta } = route;
  return {
    operationId: toOperationId(procedure),
    ...(meta.summary === undefined ? {} : { summary: meta.summary }),
    tags: [procedure.split(".").slice(0, -1).join(".") || "app"],
    security: securityOf(route),
    ...describeInput(route, input),
    responses: {
      [status]: describeSuccess(route, output?.schema ?? {}),
      ...describeRefusals(route, docsUrl),
    },
  };
}

/** `auth.sessions.revoke` is `authSessionsRevoke`. */
function toOperationId(procedure: string): string {
  return procedure.replaceAll(/[^A-Za-z0-9]+(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** Who may call, by the procedure's policy. An empty requirement is a caller without credentials, or with a token in the body. */
function securityOf({ meta: { policy } }: RestRoute): Json[] {
  switch (policy?.auth) {
    case "required":
      return [{ bearer: [] }];
    case "optional":
      return [{}, { bearer: [] }];
    case "refresh token":
      return [{}, { refreshCookie: [] }];
    case "bearer or refresh token":
      return [{ bearer: [] }, {}, { refreshCookie: [] }];
    default:
      return [];
  }
}

/** Where each field of the input travels: path, query or body. */
function describeInput(
  { method, names, meta }: RestRoute,
  text: SchemaText | null,
): Json {
  const parameters: Json[] = [];
  if (meta.setsCookie) {
    parameters.push({
      name: COOKIE_MODE,
      in: "header",
      description: "Chooses cookie mode. Only from an allowed origin.",
      schema: { type: "string", enum: ["cookie"] },
    });
  }
  if (text === null) return parameters.length > 0 ? { parameters } : {};
  const fields = fieldsOf(text);
  const isBody = (name: string) => method !== "GET" && !names.includes(name);
  for (const { name, schema, isRequired } of fields.filter(({ name }) => !isBody(name))) {
    const place = names.includes(name) ? "path" : "query";
    parameters.push({ name, in: place, required: place === "path" || isRequired, schema });
  }
  return {
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(method === "GET" ? {} : describeBody(text, fields.filter(({ name }) => isBody(name)))),
  };
}

function describeBody(text: SchemaText, fields: ReturnType<typeof fieldsOf>): Json {
  const whole = resolveSchema(text.schema, text);
  const isWhole = Object.keys(whole.properties ?? {}).length === fields.length;
  if (fields.length === 0 && whole.type === "object") return {};
  const schema = isWhole ? text.schema : {
    ...whole,
    properties: Object.fromEntries(fields.map(({ name, schema }) => [name, schema])),
    required: fields.filter(({ isRequired }) => isRequired).map(({ name }) => name),
  };
  return { requestBody: { required: text.isRequired, content: { "application/json": withExample(schema) } } };
}

function withExample(schema: JsonSchema): Json {
  const example = findExample(schema);
  return example === undefined ? { schema } : { schema, example };
}

function findExample(schema: JsonSchema): unknown {
  const name = schema.$ref?.split("/").at(-1);
  if (name !== undefined) return restExamples[name as keyof typeof restExamples];
  if (schema.type !== "array" || typeof schema.items !== "object" || Array.isArray(schema.items)) {
    return undefined;
  }
  const item = findExample(schema.items);
  return item === undefined ? undefined : [item];
}

function describeSuccess({ meta, status }: RestRoute, schema: JsonSchema): Json {
  return {
    description: status === NO_CONTENT ? "It is done." : "What the procedure answers.",
    headers: {
      "X-Request-Id": headerRef("RequestId"),
      ...(meta.setsCookie ? { "Set-Cookie": headerRef("RefreshCookie") } : {}),
    },
    ...(status === NO_CONTENT ? {} : { content: { "application/json": withExample(schema) } }),
  };
}

/** A response for each status, with its reasons and an example of each. */
function describeRefusals(route: RestRoute, docsUrl: string): Json {
  const refusals = listReasons(route);
  const statusOf = (reason: Reason) => String(reasons[reason].status);
  const statuses = [...new Set(refusals.map(statusOf))].sort();
  const byStatus = statuses.map((status) =>
    [status, refusals.filter((reason) => statusOf(reason) === status)] as const
  );
  return Object.fromEntries(
    byStatus.map(([status, group]) => [status, {
      description: group.map((reason) => `\`${reason}\`: ${reasons[reason].message}.`).join(" "),
      headers: {
        "X-Request-Id": headerRef("RequestId"),
        ...(status === "401" ? { "WWW-Authenticate": headerRef("Authenticate") } : {}),
        ...(status === "429" || status === "503" ? { "Retry-After": headerRef("RetryAfter") } : {}),
      },
      content: {
        "application/problem+json": {
          schema: {
            $ref: "#/components/schemas/Problem",
            required: ["reason"],
            properties: { reason: { type: "string", enum: group } },
          },
          examples: Object.fromEntries(
            group.map((reason) => [reason, { value: exampleProblem(reason, docsUrl) }]),
          ),
        },
      },
    }]),
  );
}

function exampleProblem(reason: Reason, docsUrl: string): Json {
  const { status, message } = reasons[reason];
  return {
    type: `${docsUrl}#${reason}`,
    title: message,
    status,
    reason,
    ...(status === 429 || status === 503 ? { retryAfterSeconds: 1 } : {}),
    ...(reason === "STEP_UP_REQUIRED" ? { maxAgeSeconds: 600 } : {}),
    requestId: "0198f2a4-7c22-7a90-b1c4-90d1e4a7f502",
  };
}
