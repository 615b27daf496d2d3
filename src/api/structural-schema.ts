import { z } from 'zod';
import { matchesRule, type ValidationRule } from './rule.ts';

/** A schema as a CRD holds it: OpenAPI v3, structural, with the extensions of Kubernetes. */
export interface StructuralSchema {
  type?: string;
  description?: string;
  default?: unknown;
  properties?: Record<string, StructuralSchema>;
  additionalProperties?: StructuralSchema;
  items?: StructuralSchema;
  required?: string[];
  enum?: string[];
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  'x-kubernetes-validations'?: ValidationRule[];
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  /** Stands instead of a type. */
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-list-map-keys'?: string[];
}

/** zod writes the bounds of a safe integer on each integer; the API server's own are tighter in practice. */
const SAFE_INTEGERS = new Set([Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]);

/** The structural schema of what a person may write for a zod schema. */
export function structuralSchema(schema: z.ZodType): StructuralSchema {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' });
  return cleaned(json as Node);
}

/** A node as zod writes it. */
type Node = Omit<StructuralSchema, 'properties' | 'additionalProperties' | 'items'> & {
  properties?: Record<string, Node>;
  additionalProperties?: Node;
  items?: Node;
  anyOf?: Node[];
};

function cleaned(node: Node): StructuralSchema {
  const { properties, additionalProperties, items, anyOf, ...rest } = node;
  const schema: StructuralSchema = { ...rest };
  if (anyOf !== undefined && schema['x-kubernetes-int-or-string'] !== true) {
    throw new Error(`a CRD has no choice of types: ${JSON.stringify(anyOf)}`);
  }
  if (schema.minimum !== undefined && SAFE_INTEGERS.has(schema.minimum)) delete schema.minimum;
  if (schema.maximum !== undefined && SAFE_INTEGERS.has(schema.maximum)) delete schema.maximum;
  if (isSaidBetter(schema)) delete schema.pattern;
  const isOpen = isAnything(additionalProperties);
  if (isOpen) schema['x-kubernetes-preserve-unknown-fields'] = true;
  if (properties !== undefined && !isOpen) {
    schema.properties = Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, cleaned(child)]));
  }
  if (additionalProperties !== undefined && !isOpen) schema.additionalProperties = cleaned(additionalProperties);
  if (items !== undefined) schema.items = cleaned(items);
  if (isObject(schema.default)) schema.default = withDefaults(schema, schema.default);
  if (isNothing(schema.default)) delete schema.default;
  return schema;
}

/**
 * An empty default says what an absent field says, and whoever reads a spec through zod has it anyway. Stored, it would
 * stand in every object, and again in its `managedFields`: the API server would pay for it with each write.
 */
function isNothing(value: unknown): boolean {
  return value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

/**
 * A default with the defaults of the fields below filled in. The API server would fill them in by itself, but it holds
 * a default against the schema's rules before it does, and refuses the CRD where a rule reads a field that is absent.
 */
function withDefaults(schema: StructuralSchema, value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const filled: Record<string, unknown> = { ...value };
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    if (!(name in filled) && child.default !== undefined) filled[name] = child.default;
  }
  return filled;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A pattern that a rule with a sentence repeats, or that the format stands for. */
function isSaidBetter({ pattern, format, 'x-kubernetes-validations': validations = [] }: StructuralSchema): boolean {
  if (pattern === undefined) return false;
  const rule = matchesRule(new RegExp(pattern));
  return format === 'date-time' || validations.some((validation) => validation.rule === rule);
}

function isAnything(schema: Node | undefined): boolean {
  return schema !== undefined && Object.keys(schema).length === 0;
}
