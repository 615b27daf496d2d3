import { GROUP, VERSION } from './group.ts';
import type { ResourceDefinition } from './resource.ts';
import { type StructuralSchema, structuralSchema } from './structural-schema.ts';

interface Field {
  readonly path: string;
  readonly schema: StructuralSchema;
  readonly required: boolean;
}

function fieldsOf(schema: StructuralSchema, path: string): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const own = `${path}.${name}`;
    const required = schema.required?.includes(name) ?? false;
    const below = child.items === undefined ? fieldsOf(child, own) : fieldsOf(child.items, `${own}[]`);
    return [{ path: own, schema: child, required }, ...below];
  });
}

function typeOf(schema: StructuralSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.type === 'array') return `list of ${schema.items === undefined ? 'anything' : typeOf(schema.items)}`;
  if (schema.additionalProperties !== undefined) return `map of ${typeOf(schema.additionalProperties)}`;
  if (schema['x-kubernetes-int-or-string'] === true) return 'integer or string';
  return schema.type ?? 'anything';
}

function defaultOf({ schema, required }: Field): string {
  if (required) return 'required';
  if (schema.default === undefined || schema.type === 'object') return '';
  return `\`${JSON.stringify(schema.default)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
}

function table(schema: StructuralSchema, path: string): string {
  const rows = fieldsOf(schema, path).map(
    (field) =>
      `| \`${field.path.slice(1)}\` | ${typeOf(field.schema)} | ${defaultOf(field)} | ${cell(field.schema.description ?? '')} |`,
  );
  return ['| field | type | default | |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** Sentences of the rules that relate fields to each other; those on single fields speak of the field they stand at. */
function relationsOf(schema: StructuralSchema): string[] {
  const own = schema.properties === undefined ? [] : (schema['x-kubernetes-validations'] ?? []);
  const below = Object.values(schema.properties ?? {}).flatMap(relationsOf);
  return [...own.map((rule) => rule.message), ...below];
}

/** The reference page of a kind, as Markdown: its fields, and what the API server refuses. */
export function renderReference(resource: ResourceDefinition): string {
  const spec = structuralSchema(resource.spec);
  const relations = [...resource.rules.map((rule) => rule.message), ...relationsOf(spec)];
  return `# ${resource.kind}

Generated from \`src/api\` by \`npm run generate\`. \`kubectl explain ${resource.singular}.spec --recursive\` shows the same.

${resource.description} API version \`${GROUP}/${VERSION}\`, short name \`${resource.shortNames.join('`, `')}\`.

## Spec

${table(spec, '.spec')}

## What is refused, and what to do

${relations.map((message) => `- ${message}`).join('\n')}

## Status

${table(structuralSchema(resource.status), '.status')}
`;
}
