import { z } from 'zod';
import { emulatorValues } from './emulator-values.ts';
import { jsonSchemaOf } from './json-schema.ts';
import { imageDigest, imageReference, monitoringValuesSchema, operatorValuesSchema } from './operator-values.ts';
import { scopeValues } from './scope-values.ts';

/** Text of the chart's `values.schema.json`. */
export function renderValuesSchema(): string {
  const { emulator, emulators, ...ofEmulators } = emulatorValues();
  const { scope, ...ofScope } = scopeValues();
  const schema = {
    title: 'Values of loco-operator',
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    properties: {
      // Helm puts it there when this is the subchart of another chart.
      global: jsonSchemaOf(z.looseObject({})),
      image: jsonSchemaOf(imageReference),
      imageDigest: jsonSchemaOf(imageDigest),
      scope,
      operator: jsonSchemaOf(operatorValuesSchema),
      monitoring: jsonSchemaOf(monitoringValuesSchema),
      emulator,
      emulators,
    },
    required: ['image', 'imageDigest', 'scope', 'operator', 'monitoring', 'emulator', 'emulators'],
    additionalProperties: false,
    definitions: { ...ofScope.definitions, ...ofEmulators.definitions },
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
