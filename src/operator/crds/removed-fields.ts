import { z } from 'zod';
import type { Definition } from './definition.ts';

/** What of a schema says which fields there are. */
const nodeSchema = z.looseObject({
  properties: z.record(z.string(), z.unknown()).optional(),
  items: z.unknown().optional(),
  additionalProperties: z.unknown().optional(),
  'x-kubernetes-preserve-unknown-fields': z.boolean().optional(),
});

/**
 * Fields that objects may have by `existing` and not by `wanted`, such as `v1alpha1: spec.storage.size`: the API server
 * would drop them from each object at its next write. A whole version that goes counts as a field.
 */
export function removedFields(existing: Definition, wanted: Definition): string[] {
  return existing.spec.versions.flatMap((version) => {
    const successor = wanted.spec.versions.find(({ name }) => name === version.name);
    if (successor === undefined) return [version.name];
    const removed = missing(version.schema?.openAPIV3Schema, successor.schema?.openAPIV3Schema, '');
    return removed.map((path) => `${version.name}: ${path}`);
  });
}

const PRESERVE = 'x-kubernetes-preserve-unknown-fields';

/** The topmost fields below `path` that `before` has and `after` hasn't; `.*` stands for names that no schema has. */
function missing(before: unknown, after: unknown, path: string): string[] {
  const old = nodeSchema.safeParse(before);
  if (!old.success) return [];
  const now = nodeSchema.safeParse(after);
  const kept = now.success ? now.data : {};
  if (kept[PRESERVE] === true) return [];
  const named = Object.entries(old.data.properties ?? {}).flatMap(([name, field]) => {
    const inner = path === '' ? name : `${path}.${name}`;
    const successor = kept.properties?.[name] ?? kept.additionalProperties;
    return successor === undefined ? [inner] : missing(field, successor, inner);
  });
  return [...named, ...listed(old.data, kept, path), ...unnamed(old.data, kept, path)];
}

type Node = z.infer<typeof nodeSchema>;

function listed(old: Node, kept: Node, path: string): string[] {
  if (old.items === undefined) return [];
  return kept.items === undefined ? [`${path}[]`] : missing(old.items, kept.items, `${path}[]`);
}

/** Names that only the objects know: those of a map, and any where unknown fields were kept. */
function unnamed(old: Node, kept: Node, path: string): string[] {
  const all = `${path}.*`;
  const isMap = old.additionalProperties !== undefined && old.additionalProperties !== false;
  if (!isMap) return old[PRESERVE] === true && kept.additionalProperties === undefined ? [all] : [];
  if (kept.additionalProperties === undefined || kept.additionalProperties === false) return [all];
  return missing(old.additionalProperties, kept.additionalProperties, all);
}
