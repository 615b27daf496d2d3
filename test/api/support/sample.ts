import type { StructuralSchema } from '../../../src/api/structural-schema.ts';
import { pathText, type SchemaPath } from './schema-walk.ts';

/** Texts of a given length for the fields where any letters won't do. */
const TEXTS: Readonly<Record<string, (length: number) => string>> = {
  'spec.storage.size': (length) => '4Gi'.padStart(length, '0'),
  'spec.machine.memory': (length) => '64Mi'.padStart(length, '0'),
  'spec.machine.type': (length) => `pc-i440fx-${'1'.repeat(length - 12)}.0`,
  'spec.machine.kvmResourceName': (length) => `a/${'a'.repeat(length - 2)}`,
  'spec.disk.builtinPath': (length) => `/${'a'.repeat(length - 1)}`,
  'spec.disk.snapshot.path': (length) => `/${'a'.repeat(length - 1)}`,
  'spec.disk.snapshot.reference': (length) => `a/${'a'.repeat(length - 4)}:a`,
  'spec.pod.resources.requests{}': (length) => '1'.padStart(length, '0'),
  'spec.pod.resources.limits{}': (length) => '1'.padStart(length, '0'),
};

/** A valid text of exactly this many characters for the field at `path`. */
export function textOfLength(path: SchemaPath, length: number): string {
  return (TEXTS[pathText(path)] ?? ((count: number) => 'a'.repeat(count)))(length);
}

/** A valid value for the schema at `path`; different indexes give different ones where that can be. */
export function sampleOf(schema: StructuralSchema, path: SchemaPath, index = 0): unknown {
  if (schema.enum !== undefined) return schema.enum[0];
  switch (schema['x-kubernetes-int-or-string'] === true ? 'string' : schema.type) {
    case 'string':
      return schema.format === 'date-time' ? '2026-01-02T03:04:05Z' : textOfLength(path, 16 + index);
    case 'integer':
      return (schema.minimum ?? 0) + index;
    case 'boolean':
      return false;
    case 'array':
      return [];
    default:
      return requiredFields(schema, path, index);
  }
}

function requiredFields(schema: StructuralSchema, path: SchemaPath, index: number): Record<string, unknown> {
  const required = (schema.required ?? []).map((name) => [
    name,
    sampleOf(schema.properties?.[name] ?? {}, [...path, name], index),
  ]);
  return Object.fromEntries(required);
}
