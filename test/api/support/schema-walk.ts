import type { StructuralSchema } from '../../../src/api/structural-schema.ts';

/** A place in a schema: names of fields, `[]` for the items of a list, `{}` for the values of a map. */
export type SchemaPath = readonly string[];

/** Something that a schema demands of a manifest, and that a manifest can therefore break. */
export interface Demand {
  readonly path: SchemaPath;
  readonly keyword: string;
  /** What the keyword says: a bound, the allowed values, a rule. */
  readonly value: unknown;
  /** The schema that says so. */
  readonly schema: StructuralSchema;
}

/** Keywords that demand nothing. A type alone is what `kubectl` and every editor checks. */
const SILENT = new Set([
  'type',
  'description',
  'default',
  'properties',
  'additionalProperties',
  'items',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-type',
]);

function own(schema: StructuralSchema, path: SchemaPath): Demand[] {
  return Object.entries(schema)
    .filter(([keyword]) => !SILENT.has(keyword))
    .flatMap(([keyword, value]) =>
      // Each rule and each required field is a demand of its own.
      keyword === 'required' || keyword === 'x-kubernetes-validations'
        ? (value as unknown[]).map((one) => ({ path, keyword, value: one, schema }))
        : [{ path, keyword, value, schema }],
    );
}

/** Everything a schema demands, keywords that nobody has thought of included. */
export function demandsOf(schema: StructuralSchema, path: SchemaPath = []): Demand[] {
  return [
    ...own(schema, path),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, child]) => demandsOf(child, [...path, name])),
    ...(schema.items === undefined ? [] : demandsOf(schema.items, [...path, '[]'])),
    ...(schema.additionalProperties === undefined ? [] : demandsOf(schema.additionalProperties, [...path, '{}'])),
  ];
}

/** A path as people write it: `spec.machine.extraArgs[]`. */
export function pathText(path: SchemaPath): string {
  return path.join('.').replaceAll('.[]', '[]').replaceAll('.{}', '{}');
}

/** Takes a written path apart again. */
export function parsePath(text: string): SchemaPath {
  return text.replaceAll('[]', '.[]').replaceAll('{}', '.{}').split('.');
}
