import type { AnyTRPCRouter } from "@trpc/server";
import type { z } from "zod";
import type { Meta, RestMethod } from "../trpc.ts";
import { fieldsOf, resolveSchema, toSchemaText } from "./rest_schemas.ts";

/** A procedure that has a place in the REST facade. */
export interface RestRoute {
  method: RestMethod;
  /** As OpenAPI writes it: `/v1/sessions/{sessionId}`. */
  template: string;
  /** Names in the path. */
  names: readonly string[];
  /** Status of a success. */
  status: number;
  /** The procedure's own path: `auth.sessions.revoke`. */
  procedure: string;
  type: "query" | "mutation";
  /** Null when it takes none. */
  input: z.ZodType | null;
  /** Null when it declares none. */
  output: z.ZodType | null;
  meta: Meta;
}

/** The routes of one path, by their methods. */
export interface RestPlace {
  routes: Partial<Record<string, RestRoute>>;
  /** What the path's `{names}` stand for. */
  params: Record<string, string>;
}

/** What is read of a built procedure. */
interface Procedure {
  _def: { type: string; meta?: Meta; inputs: unknown[]; output?: unknown };
}

const declaration = /^(GET|POST|PUT|PATCH|DELETE) (\/v1(?:\/(?:[a-z0-9-]+|\{[a-zA-Z]+\}))+)(?: (20[0-4]))?$/;
/** Of a success whose answer has no body. */
export const NO_CONTENT = 204;
// One segment as it stands, never decoded; a dot segment is no value.
const VALUE = "((?!\\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)";

/**
 * Reads the REST facade out of a router: every procedure whose meta names a route.
 *
 * @throws Error when a declaration cannot be kept, as the router is being put together
 */
export function readRestRoutes(router: AnyTRPCRouter): RestRoute[] {
  const { procedures } = router._def as { procedures: Record<string, Procedure> };
  const routes = Object.entries(procedures).flatMap(([path, { _def }]) =>
    _def.meta?.rest === undefined ? [] : [readRoute(path, _def)]
  );
  // Paths that differ in their names only are one path.
  const shapeOf = (template: string) => template.replaceAll(/\{\w+\}/g, "{}");
  for (const [index, { method, template }] of routes.entries()) {
    const same = routes.slice(0, index).filter((other) => shapeOf(other.template) === shapeOf(template));
    const isTaken = same.some((other) => other.method === method || other.template !== template);
    if (isTaken) throw new Error(`two procedures have the REST route ${method} ${template}`);
  }
  return routes;
}

function readRoute(procedure: string, { type, meta = {}, inputs, output }: Procedure["_def"]): RestRoute {
  const fault = (text: string) => new Error(`${procedure} cannot have the REST route ${meta.rest}: ${text}`);
  const [, method, template = "", status = "200"] = declaration.exec(meta.rest ?? "") ?? [];
  if (method === undefined) throw fault("that is not METHOD /v1/path, or METHOD /v1/path STATUS");
  if (type !== "query" && type !== "mutation") throw fault("it is a subscription");
  if ((method === "GET") !== (type === "query")) throw fault("queries are GET, and mutations are not");
  if (inputs.length > 1) throw fault("it takes its input in several parts");
  const [input = null] = inputs;
  for (const schema of [input, output ?? null]) {
    if (schema !== null && !isZodType(schema)) throw fault("its schemas are not zod's");
  }
  const names = Array.from(template.matchAll(/\{(\w+)\}/g), ([, name = ""]) => name);
  const text = input === null ? null : toSchemaText(input as z.ZodType, "input");
  if (method === "GET" && text !== null && resolveSchema(text.schema, text).type !== "object") {
    throw fault("its input is no object, and a query holds fields");
  }
  const fields = text === null ? [] : fieldsOf(text);
  const unknown = names.find((name) => !fields.some((field) => field.name === name));
  if (unknown !== undefined) throw fault(`its input has no field ${unknown}`);
  const textual = fields.filter(({ name }) => method === "GET" || names.includes(name));
  for (const { name, kind } of textual) {
    if (kind === null || (kind.isList && names.includes(name))) {
      throw fault(`its field ${name} cannot be read from text`);
    }
  }
  return {
    method: method as RestMethod,
    template,
    names,
    status: Number(status),
    procedure,
    type,
    input: input as z.ZodType | null,
    output: (output ?? null) as z.ZodType | null,
    meta,
  };
}

// An app may bring a copy of zod of its own.
function isZodType(schema: unknown): schema is z.ZodType {
  return typeof schema === "object" && schema !== null && "_zod" in schema;
}

/** Builds what finds the routes of a path, byte for byte. A path without names is found before one with them. */
export function createRestFinder(routes: RestRoute[]): (path: string) => RestPlace | null {
  const templates = [...new Set(routes.map(({ template }) => template))];
  const places = templates
    .map((template) => {
      const group = routes.filter((route) => route.template === template);
      return {
        names: group[0]?.names ?? [],
        pattern: new RegExp(`^${template.replaceAll(/\{\w+\}/g, VALUE)}$`),
        routes: Object.fromEntries(group.map((route) => [route.method, route])),
      };
    })
    .sort((a, b) => a.names.length - b.names.length);

  return (path) => {
    for (const { names, pattern, routes } of places) {
      const values = pattern.exec(path)?.slice(1);
      if (values === undefined) continue;
      return { routes, params: Object.fromEntries(names.map((name, index) => [name, values[index] ?? ""])) };
    }
    return null;
  };
}
