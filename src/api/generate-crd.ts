import { GROUP, VERSION } from './group.ts';
import type { PrinterColumn, ResourceDefinition } from './resource.ts';
import type { ValidationRule } from './rule.ts';
import { type StructuralSchema, structuralSchema } from './structural-schema.ts';

/** The parts of a CustomResourceDefinition that are generated. */
export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly names: {
      readonly kind: string;
      readonly listKind: string;
      readonly plural: string;
      readonly singular: string;
      readonly shortNames: readonly string[];
      readonly categories: readonly string[];
    };
    readonly scope: 'Namespaced';
    readonly versions: readonly [CrdVersion];
  };
}

interface CrdVersion {
  readonly name: string;
  readonly served: true;
  readonly storage: true;
  readonly additionalPrinterColumns: readonly PrinterColumn[];
  readonly subresources: { readonly status: object; readonly scale?: NonNullable<ResourceDefinition['scale']> };
  readonly schema: { readonly openAPIV3Schema: StructuralSchema };
}

const text = (description: string): StructuralSchema => ({ type: 'string', description });

function rootSchema(resource: ResourceDefinition): StructuralSchema {
  return {
    type: 'object',
    description: resource.description,
    required: ['spec'],
    properties: {
      apiVersion: text(`Group and version: ${GROUP}/${VERSION}.`),
      kind: text(`Kind: ${resource.kind}.`),
      // The name stands here so that a rule can point at it.
      metadata: { type: 'object', properties: { name: { type: 'string' } } },
      spec: structuralSchema(resource.spec),
      status: structuralSchema(resource.status),
    },
    ...(resource.rules.length === 0 ? {} : { 'x-kubernetes-validations': resource.rules as ValidationRule[] }),
  };
}

/** The CustomResourceDefinition of a kind; the same input gives the same output, key for key. */
export function generateCrd(resource: ResourceDefinition): CustomResourceDefinition {
  const { kind, plural, singular, shortNames, columns, scale } = resource;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames, categories: ['loco'] },
      scope: 'Namespaced',
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          additionalPrinterColumns: columns,
          subresources: { status: {}, ...(scale === undefined ? {} : { scale }) },
          schema: { openAPIV3Schema: rootSchema(resource) },
        },
      ],
    },
  };
}
