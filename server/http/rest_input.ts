import { refuse } from "../auth_error.ts";
import type { RestRoute } from "./rest_routes.ts";
import { fieldsOf, resolveSchema, toSchemaText } from "./rest_schemas.ts";

/** The parts of a request that hold its input. */
export interface InputParts {
  params: Record<string, string>;
  /** Without the question mark. */
  query: string;
  /** The body, which is JSON or empty. */
  text: string;
}

/**
 * Builds what puts a route's input together, for its procedure to judge: the path's names, and beside them the body,
 * or for GET those query parameters that the input names. Other query parameters are ignored, as over tRPC.
 *
 * What it builds throws INPUT_INVALID
 */
export function createInputReader({ method, input, names }: RestRoute): (parts: InputParts) => unknown {
  if (input === null) return () => undefined;
  if (method === "GET") {
    const types = readTypes(input);
    return ({ params, query }) => ({ ...readQuery(query, types), ...params });
  }
  return ({ params, text }) => {
    const body: unknown = text === "" ? undefined : parseJson(text);
    if (names.length === 0) return body;
    if (body === undefined) return params;
    // Nothing is named twice: which of the two would hold?
    if (!isObject(body) || names.some((name) => Object.hasOwn(body, name))) throw refuse("INPUT_INVALID");
    return { ...body, ...params };
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refuse("INPUT_INVALID", { cause });
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readTypes(input: NonNullable<RestRoute["input"]>): Map<string, unknown> {
  const text = toSchemaText(input, "input");
  return new Map(fieldsOf(text).map(({ name, schema }) => [name, resolveSchema(schema, text).type]));
}

function readQuery(query: string, types: Map<string, unknown>): Record<string, unknown> {
  const search = new URLSearchParams(query);
  const found: Record<string, unknown> = {};
  for (const [name, type] of types) {
    const values = search.getAll(name);
    if (values.length === 0) continue;
    if (values.length > 1 && type !== "array") throw refuse("INPUT_INVALID");
    found[name] = type === "array" ? values : readText(values[0] ?? "", type);
  }
  return found;
}

/** A query parameter is text; what is no number or boolean stays text, for the schema to refuse. */
function readText(text: string, type: unknown): unknown {
  if (type === "boolean") return text === "true" ? true : text === "false" ? false : text;
  if (type === "integer" || type === "number") return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
  return text;
}
