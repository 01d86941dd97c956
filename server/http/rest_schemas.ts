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

/** The fields of an object's schema. */
export function fieldsOf(text: SchemaText): { name: string; schema: JsonSchema; isRequired: boolean }[] {
  const { properties = {}, required = [] } = resolveSchema(text.schema, text);
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    schema: typeof schema === "object" ? schema : {},
    isRequired: required.includes(name),
  }));
}
