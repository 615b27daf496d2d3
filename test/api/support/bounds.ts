import type { StructuralSchema } from '../../../src/api/structural-schema.ts';
import { sampleOf, textOfLength } from './sample.ts';
import { type Demand, pathText, type SchemaPath } from './schema-walk.ts';

/** Values on both sides of a bound, and what the API server says of those beyond it. */
export interface Bound {
  readonly refused: readonly unknown[];
  readonly allowed: readonly unknown[];
  readonly says: RegExp;
  /** Where the values go, where that is not the place with the bound. */
  readonly at?: SchemaPath;
  /** The field that is named, where that is not the one with the value. */
  readonly field?: SchemaPath;
}

type BoundOf = (bound: Demand) => Bound;

const quoted = (values: readonly string[]) => values.map((value) => `"${value}"`).join(', ');

/** Entries of which a rule wants more than their schema. */
const ENTRIES: Readonly<Record<string, unknown>> = { 'spec.display.access': { podSelector: { matchLabels: {} } } };

function list({ schema, path }: Demand, length: number): unknown[] {
  const items: StructuralSchema = schema.items ?? {};
  const entry = ENTRIES[pathText(path)];
  return Array.from({ length }, (_, index) => entry ?? sampleOf(items, [...path, '[]'], index));
}

function map({ schema, path }: Demand, size: number): Record<string, unknown> {
  const values: StructuralSchema = schema.additionalProperties ?? {};
  return Object.fromEntries(
    Array.from({ length: size }, (_, index) => [`key${index}`, sampleOf(values, [...path, '{}'])]),
  );
}

/**
 * How each keyword is broken and met at its edge. A keyword that is missing here has to have its own cases, or become
 * a rule with a sentence: the walk fails on it.
 */
const BOUNDS: Readonly<Record<string, BoundOf>> = {
  enum: ({ value }) => {
    const allowed = value as string[];
    return { refused: ['Nonsense', ''], allowed, says: literal(`supported values: ${quoted(allowed)}`) };
  },
  minimum: ({ value }) => {
    const least = Number(value);
    return { refused: [least - 1], allowed: [least], says: literal(`should be greater than or equal to ${least}`) };
  },
  maximum: ({ value }) => {
    const most = Number(value);
    return { refused: [most + 1], allowed: [most], says: literal(`should be less than or equal to ${most}`) };
  },
  maxLength: ({ path, value }) => {
    const most = Number(value);
    return {
      refused: [textOfLength(path, most + 1)],
      allowed: [textOfLength(path, most)],
      says: literal(`Too long: may not be more than ${most} bytes`),
    };
  },
  maxItems: (demand) => {
    const most = Number(demand.value);
    return {
      refused: [list(demand, most + 1)],
      allowed: [list(demand, most)],
      says: literal(`Too many: ${most + 1}: must have at most ${most} items`),
    };
  },
  maxProperties: (demand) => {
    const most = Number(demand.value);
    return {
      refused: [map(demand, most + 1)],
      allowed: [map(demand, most)],
      says: literal(`Too many: ${most + 1}: must have at most ${most} items`),
    };
  },
  format: ({ schema, path, value }) => ({
    refused: ['yesterday'],
    allowed: [sampleOf(schema, path)],
    says: literal(`must be of type ${String(value)}`),
  }),
  required: ({ schema, path, value }) => {
    const at = [...path, String(value)];
    const sample = sampleOf(schema.properties?.[String(value)] ?? {}, at);
    return { refused: [undefined], allowed: [sample], says: literal('Required value'), at };
  },
  'x-kubernetes-list-map-keys': (demand) => ({
    refused: [[...list(demand, 1), ...list(demand, 1)]],
    allowed: [list(demand, 2)],
    says: literal('Duplicate value'),
    field: [...demand.path, '[]'],
  }),
};

function literal(text: string): RegExp {
  return new RegExp(RegExp.escape(text));
}

/** The bound that a demand sets; undefined where nobody knows how to break it. */
export function boundOf(demand: Demand): Bound | undefined {
  return BOUNDS[demand.keyword]?.(demand);
}
