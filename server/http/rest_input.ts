import { refuse } from "../auth_error.ts";
import type { RestRoute } from "./rest_routes.ts";
import { fieldsOf, type TextKind, toSchemaText } from "./rest_schemas.ts";

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
 * or for GET those query parameters that the input names. Other query parameters of a GET are ignored, as over tRPC.
 * What has a body has no query: what stands there would not be heard, and passwords do not belong into logs of URLs.
 *
 * What it builds throws INPUT_INVALID
 */
export function createInputReader(route: RestRoute): (parts: InputParts) => unknown {
  const read = createPartsReader(route);
  return (parts) => {
    if (route.method !== "GET" && parts.query !== "") throw refuse("INPUT_INVALID");
    return read(parts);
  };
}

function createPartsReader({ method, input, names }: RestRoute): (parts: InputParts) => unknown {
  if (input === null) return () => undefined;
  const kinds = readKinds(input);
  const readParams = (params: InputParts["params"]) =>
    Object.fromEntries(names.map((name) => [name, readText(params[name] ?? "", kinds.get(name))]));
  if (method === "GET") return ({ params, query }) => ({ ...readQuery(query, kinds), ...readParams(params) });
  return ({ params, text }) => {
    const body: unknown = text === "" ? undefined : parseJson(text);
    if (names.length === 0) return body;
    if (body === undefined) return readParams(params);
    // Nothing is named twice: which of the two would hold?
    if (!isObject(body) || names.some((name) => Object.hasOwn(body, name))) throw refuse("INPUT_INVALID");
    return { ...body, ...readParams(params) };
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

/** How each field is read from text. A field of a body is left out where it cannot be. */
function readKinds(input: NonNullable<RestRoute["input"]>): Map<string, TextKind> {
  const fields = fieldsOf(toSchemaText(input, "input"));
  return new Map(fields.flatMap(({ name, kind }) => kind === null ? [] : [[name, kind]]));
}

function readQuery(query: string, kinds: Map<string, TextKind>): Record<string, unknown> {
  const search = new URLSearchParams(query);
  const found: Record<string, unknown> = {};
  for (const [name, kind] of kinds) {
    const values = search.getAll(name).map((value) => readText(value, kind));
    if (values.length === 0) continue;
    if (values.length > 1 && !kind.isList) throw refuse("INPUT_INVALID");
    found[name] = kind.isList ? values : values[0];
  }
  return found;
}

/** What is no number or boolean stays text, for the schema to refuse. */
function readText(text: string, kind: TextKind | undefined): unknown {
  if (kind?.type === "boolean") return text === "true" ? true : text === "false" ? false : text;
  if (kind?.type === "number") return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
  return text;
}
