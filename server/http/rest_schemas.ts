import * as shared from "@watchword/shared";
import { z } from "zod";

/** A JSON Schema of draft 2020-12, as zod writes it. */
export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** A zod schema as JSON Schema. */
export interface SchemaText {
  /** The schema, or a reference into `definitions`. */
  schema: JsonSchema;
  /** A value must be there. */
  isRequired: boolean;
  /** Every schema of `@watchword/shared` in it, by its exported name. */
  definitions: Record<string, JsonSchema>;
}

const PREFIX = "#/$defs/";
const names = z.registry<{ id: string }>();
for (const [id, value] of Object.entries(shared)) {
  if (value instanceof z.ZodType) names.add(value, { id });
}

/** Writes a schema as JSON Schema: what a caller sends (`input`) or gets (`output`). */
export function toSchemaText(schema: z.ZodType, io: "input" | "output"): SchemaText {
  // In a field, because only there zod writes a named schema as a reference, and tells whether it may be absent.
  const { properties, required, $defs } = z.toJSONSchema(z.object({ value: schema }), {
    io,
    metadata: names,
    unrepresentable: "any",
    override: ({ jsonSchema }) => dropNoise(jsonSchema),
  });
  const value = properties?.["value"];
  return {
    schema: typeof value === "object" ? value : {},
    isRequired: required?.includes("value") ?? false,
    definitions: ($defs ?? {}) as Record<string, JsonSchema>,
  };
}

// What a format says already, and bounds that are JavaScript's and not the wire's.
function dropNoise(schema: JsonSchema): void {
  if (schema.format !== undefined) delete schema.pattern;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}

/** Follows a reference. */
export function resolveSchema(
  schema: JsonSchema,
  { definitions }: Pick<SchemaText, "definitions">,
): JsonSchema {
  const name = schema.$ref?.startsWith(PREFIX) ? schema.$ref.slice(PREFIX.length) : undefined;
  return name === undefined ? schema : definitions[name] ?? {};
}

interface Field {
  name: string;
  schema: JsonSchema;
  isRequired: boolean;
  /** How it is read from the text of a path or a query; null when it cannot be. */
  kind: TextKind | null;
}

/** The fields of an object's schema. */
export function fieldsOf(text: SchemaText): Field[] {
  const { properties = {}, required = [] } = resolveSchema(text.schema, text);
  return Object.entries(properties).map(([name, property]) => {
    const schema = typeof property === "object" ? property : {};
    return { name, schema, isRequired: required.includes(name), kind: kindOf(schema, text) };
  });
}

/** What text is read as. */
export interface TextKind {
  type: "string" | "number" | "boolean";
  /** It may be there more than once. */
  isList: boolean;
}

/** What text is read as for a schema; null when text cannot hold its values, or tell them apart. */
function kindOf(
  schema: JsonSchema,
  text: Pick<SchemaText, "definitions">,
  { isItem = false } = {},
): TextKind | null {
  const { type, items, enum: values, anyOf, oneOf, allOf } = resolveSchema(schema, text);
  const parts = (anyOf ?? oneOf ?? allOf)?.filter((part) => typeof part === "object");
  if (parts !== undefined) {
    const kinds = parts.filter((part) => part.type !== "null").map((part) => kindOf(part, text, { isItem }));
    const [first = null] = kinds;
    return kinds.every((kind) => kind?.type === first?.type && kind?.isList === first?.isList) ? first : null;
  }
  // Null is not to be had from text.
  const [only, ...more] = [type].flat().filter((each) => each !== "null");
  if (type !== undefined && (only === undefined || more.length > 0)) return null;
  switch (only) {
    // Schemas that JSON Schema cannot express may well take text.
    case undefined:
      return values === undefined ? { type: "string", isList: false } : null;
    case "integer":
      return { type: "number", isList: false };
    case "string":
    case "number":
    case "boolean":
      return { type: only, isList: false };
    case "array": {
      // No list of lists, which may be defined by itself, too.
      if (isItem || typeof items !== "object" || Array.isArray(items)) return null;
      const kind = kindOf(items, text, { isItem: true });
      return kind && { ...kind, isList: true };
    }
    default:
      return null;
  }
}
