import { describe, expect, it } from 'vitest';
import { emulatorResource } from './emulator/resource.ts';
import { generateCrd } from './generate-crd.ts';
import type { StructuralSchema } from './structural-schema.ts';

const crd = generateCrd(emulatorResource);
const [version] = crd.spec.versions;

/** Every schema below this one with its path. */
function* schemasOf(schema: StructuralSchema, path: string): Generator<{ path: string; schema: StructuralSchema }> {
  yield { path, schema };
  for (const [name, child] of Object.entries(schema.properties ?? {})) yield* schemasOf(child, `${path}.${name}`);
  if (schema.items !== undefined) yield* schemasOf(schema.items, `${path}[]`);
  if (schema.additionalProperties !== undefined) yield* schemasOf(schema.additionalProperties, `${path}{}`);
}

const { spec = {}, status = {} } = version.schema.openAPIV3Schema.properties ?? {};
const fields = [...schemasOf(spec, 'spec'), ...schemasOf(status, 'status')];

describe('the CRD of the Emulator', () => {
  it('is named as Kubernetes wants it', () => {
    expect(crd.metadata.name).toBe('emulators.loco.mroie.github.io');
    expect(crd.spec.names).toMatchObject({ kind: 'Emulator', listKind: 'EmulatorList', shortNames: ['emu'] });
    expect(crd.spec.names.categories).toEqual(['loco']);
  });

  it('has the status and scale subresources', () => {
    expect(version.subresources).toEqual({
      status: {},
      scale: {
        specReplicasPath: '.spec.replicas',
        statusReplicasPath: '.status.replicas',
        labelSelectorPath: '.status.selector',
      },
    });
  });

  it('describes each field for kubectl explain, in sentences', () => {
    const named = fields.filter(({ path }) => !path.endsWith('[]') && !path.endsWith('{}'));
    const silent = named.filter(({ schema }) => !/^[A-Z].*\.$/s.test(schema.description ?? ''));
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  it('bounds each text, list and map that a person writes', () => {
    const unbounded = fields.filter(({ path, schema }) => path.startsWith('spec') && isUnbounded(schema));
    expect(unbounded.map(({ path }) => path)).toEqual([]);
  });

  it('has a type for each field and no pattern without a sentence', () => {
    const typed = (schema: StructuralSchema) => schema.type ?? schema['x-kubernetes-int-or-string'];
    expect(fields.filter(({ schema }) => typed(schema) === undefined)).toEqual([]);
    expect(fields.filter(({ schema }) => schema.pattern !== undefined)).toEqual([]);
  });

  it('is the same each time', () => {
    expect(JSON.stringify(generateCrd(emulatorResource))).toBe(JSON.stringify(crd));
  });
});

function isUnbounded(schema: StructuralSchema): boolean {
  if (schema.type === 'string' || schema['x-kubernetes-int-or-string'] === true)
    return schema.enum === undefined && schema.maxLength === undefined;
  if (schema.type === 'array') return schema.maxItems === undefined;
  return schema.additionalProperties !== undefined && schema.maxProperties === undefined;
}
