import type { StructuralSchema } from '../../../src/api/structural-schema.ts';
import { pathText, type SchemaPath } from './schema-walk.ts';

/** Digits on so many groups, as evenly as it goes. */
function groups(digit: string, count: number, digits: number, separator: string): string {
  const sizes = Array.from({ length: count }, (_, index) => Math.floor((digits + index) / count));
  return sizes.map((size) => digit.repeat(size)).join(separator);
}

/** An IPv6 address of this many characters, from 12 to 45. */
function addressOfLength(length: number): string {
  if (length < 15) return `${'a'.repeat(length - 10)}:a:a:a:a::`;
  if (length <= 39) return groups('a', 8, length - 7, ':');
  return `${groups('a', 6, 24, ':')}:${groups('1', 4, length - 30 - 3, '.')}`;
}

/** A network of this many characters, the whole of IPv6 unless that is too short. */
function networkOfLength(length: number): string {
  return length > 47 ? `${addressOfLength(length - 4)}/128` : `${addressOfLength(length - 2)}/0`;
}

/** Texts of a given length for the fields where any letters won't do. */
const TEXTS: Readonly<Record<string, (length: number) => string>> = {
  'spec.storage.size': (length) => '4Gi'.padStart(length, '0'),
  'spec.machine.memory': (length) => '64Mi'.padStart(length, '0'),
  'spec.machine.type': (length) => `pc-i440fx-${'1'.repeat(length - 12)}.0`,
  'spec.machine.kvmResourceName': (length) => `a/${'a'.repeat(length - 2)}`,
  'spec.disk.builtinPath': (length) => `/${'a'.repeat(length - 1)}`,
  'spec.disk.snapshot.path': (length) => `/${'a'.repeat(length - 1)}`,
  'spec.disk.snapshot.reference': (length) => `a/${'a'.repeat(length - 4)}:a`,
  'spec.display.access[].ipBlock.cidr': networkOfLength,
  'spec.display.access[].ipBlock.except[]': (length) => `${addressOfLength(length - 4)}/128`,
  'spec.pod.maxUnavailable': (length) => '100%'.padStart(length, '0'),
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
