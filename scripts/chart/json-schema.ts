import { z } from 'zod';

export type JsonSchema = Record<string, unknown>;

const propertiesSchema = z.looseObject({ properties: z.record(z.string(), z.unknown()) });

/** JSON schema of what people write, without what only a CRD understands; unknown names are refused in every object. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input', override: forValues });
  return rest;
}

/** Refuses unknown names in objects whose fields are known, and drops what only a CRD understands. */
function forValues({ jsonSchema }: { jsonSchema: JsonSchema }): void {
  const fields = propertiesSchema.safeParse(jsonSchema);
  if (fields.success && Object.keys(fields.data.properties).length > 0) jsonSchema['additionalProperties'] = false;
  for (const key of Object.keys(jsonSchema)) {
    if (key.startsWith('x-kubernetes-') || key === 'default') delete jsonSchema[key];
  }
  allowNull(jsonSchema);
}

/** Writes "a number or null" as two types of one schema: Helm's refusal then names them, instead of `anyOf failed`. */
function allowNull(schema: JsonSchema): void {
  const choice = z.tuple([z.looseObject({ type: z.string() }), z.object({ type: z.literal('null') })]);
  const parsed = choice.safeParse(schema['anyOf']);
  if (!parsed.success) return;
  delete schema['anyOf'];
  Object.assign(schema, parsed.data[0], { type: [parsed.data[0].type, 'null'] });
}

/** Takes a field from those that must be given: the chart's own options provide it. */
export function makeOptional(schema: unknown, path: readonly string[]): void {
  const { properties, ...rest } = propertiesSchema.parse(schema);
  const [first, ...others] = path;
  if (first === undefined || !(first in properties)) throw new Error(`the values have no field ${path.join('.')}`);
  if (others.length > 0) {
    makeOptional(properties[first], others);
    return;
  }
  const required = z.array(z.string()).parse(rest['required'] ?? []);
  (schema as JsonSchema)['required'] = required.filter((field) => field !== first);
}

/** A text of a given form. What it must be is said in words (see `combination.ts`): a pattern tells few what to write. */
export function textLike(pattern: RegExp, mustBe: string): z.ZodString {
  return z.string().meta({ if: { pattern: pattern.source }, else: { const: mustBe } });
}
