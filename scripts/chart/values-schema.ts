import { z } from 'zod';
import { emulatorSpecSchema } from '../../src/api/emulator/schema.ts';

const name = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
  .max(253);
const quantities = z.record(z.string(), z.union([z.string(), z.number()]));

const operatorValuesSchema = z.strictObject({
  image: z.string().max(512),
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']),
  imagePullSecrets: z.array(name),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']),
  traces: z.strictObject({ endpoint: z.string().regex(/^(https?:\/\/\S+)?$/) }),
  resources: z.strictObject({ requests: quantities.optional(), limits: quantities.optional() }),
  nodeSelector: z.record(z.string(), z.string()),
  tolerations: z.array(z.looseObject({})),
  affinity: z.looseObject({}),
});

const emulatorValuesSchema = z.strictObject({
  create: z.boolean().nullish(),
  name: z
    .string()
    .regex(/^[a-z]([-a-z0-9]*[a-z0-9])?$/)
    .max(52),
  /** A PVC's name goes on with `-<emulator>-<ordinal>`. */
  diskPVC: z
    .string()
    .regex(/^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$/)
    .max(63),
  usePrebuiltSnapshot: z.boolean(),
  snapshotRegistry: z.string().min(1).max(400),
  snapshotTag: z.string().regex(/^(sha256:[0-9a-f]{64}|[A-Za-z0-9_][A-Za-z0-9._-]{0,127})$/),
  replicas: z.int().min(0).max(100).nullish(),
  spec: emulatorSpecSchema,
});

const valuesSchema = z.strictObject({
  /** Helm puts it there when this is the subchart of another chart. */
  global: z.looseObject({}).optional(),
  image: z.string().max(512),
  operator: operatorValuesSchema,
  emulator: emulatorValuesSchema,
});

type JsonSchema = Record<string, unknown>;

const propertiesSchema = z.looseObject({ properties: z.record(z.string(), z.unknown()) });

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
function makeOptional(schema: unknown, path: readonly string[]): void {
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

/** Text of the chart's `values.schema.json`. */
export function renderValuesSchema(): string {
  const schema = z.toJSONSchema(valuesSchema, { target: 'draft-7', io: 'input', override: forValues });
  makeOptional(schema, ['emulator', 'spec', 'storage']);
  makeOptional(schema, ['emulator', 'spec', 'storage', 'mode']);
  makeOptional(schema, ['emulator', 'spec', 'disk', 'snapshot', 'reference']);
  return `${JSON.stringify({ title: 'Values of loco-operator', ...schema }, undefined, 2)}\n`;
}
