import type { JsonSchema } from './json-schema.ts';

/** Values that contradict each other. */
export interface Combination {
  /** When it is so; `{}`: whenever the field is there. */
  readonly when: JsonSchema;
  /** The field that can't stay as it is then: its path with dots. */
  readonly field: string;
  /** What that field must be instead; ends the sentence "value must be …". */
  readonly mustBe: string;
}

/** A schema that refuses, and the definitions that it refers to. */
export interface Refusal {
  readonly schema: JsonSchema;
  readonly definitions: Readonly<Record<string, JsonSchema>>;
}

/**
 * A schema that refuses the combinations. JSON schema has no messages of its own; but whoever validates prints what a
 * `const` must be, so that is where the sentence stands: no value equals it. They are tried one after another, each in
 * a definition of its own: with `allOf` the sentence would stand below lines that say `'allOf' failed`.
 */
export function refusing(name: string, combinations: readonly Combination[], otherwise: JsonSchema = {}): Refusal {
  const reference = (index: number): JsonSchema =>
    index < combinations.length ? { $ref: `#/definitions/${name}${index}` } : otherwise;
  const definitions = combinations.map(({ when, field, mustBe }, index) => [
    `${name}${index}`,
    either(all(when, given(field)), at(field, { const: mustBe }), reference(index + 1)),
  ]);
  return { schema: either(true, reference(0), {}), definitions: Object.fromEntries(definitions) };
}

/** True where the field is there and matches. Give its type too: of `null`, most words of JSON schema say nothing. */
export function given(field: string, matching: JsonSchema = {}): JsonSchema {
  return at(field, matching, true);
}

export function all(...conditions: readonly JsonSchema[]): JsonSchema {
  const [first, ...others] = conditions.filter((condition) => Object.keys(condition).length > 0);
  return first !== undefined && others.length === 0 ? first : { allOf: conditions };
}

export function any(...conditions: readonly JsonSchema[]): JsonSchema {
  return { anyOf: conditions };
}

export function not(condition: JsonSchema): JsonSchema {
  return { not: condition };
}

function either(condition: JsonSchema | true, yes: JsonSchema, no: JsonSchema): JsonSchema {
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON schema, and nobody awaits a schema
  return { if: condition, then: yes, else: no };
}

function at(field: string, schema: JsonSchema, required = false): JsonSchema {
  return field
    .split('.')
    .reduceRight<JsonSchema>(
      (inner, name) => ({ ...(required ? { required: [name] } : {}), properties: { [name]: inner } }),
      schema,
    );
}
