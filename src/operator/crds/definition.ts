import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Resource } from '../../kube/object.ts';

/** The kind of the definitions themselves. */
export const DEFINITIONS: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
};

const versionSchema = z.looseObject({
  name: z.string(),
  schema: z.looseObject({ openAPIV3Schema: z.looseObject({}).optional() }).optional(),
});

const conditionSchema = z.looseObject({ type: z.string(), status: z.string(), message: z.string().optional() });

const definitionSchema = z.looseObject({
  kind: z.literal(DEFINITIONS.kind),
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({ versions: z.array(versionSchema).min(1) }),
  status: z.looseObject({ conditions: z.array(conditionSchema).nullish() }).optional(),
});

/** A CustomResourceDefinition, of which only what is read here is checked. */
export type Definition = z.infer<typeof definitionSchema>;

/** @throws ZodError where it is none */
export function parseDefinition(value: unknown): Definition {
  return definitionSchema.parse(value);
}

/**
 * The definitions in a folder: each file whose name ends with `.json`, in the names' order.
 * @throws Error that names the file that has none, or the folder that has no file
 */
export async function readDefinitions(folder: string): Promise<Definition[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  if (files.length === 0) throw new Error(`there is no file *.json in ${folder}`);
  return Promise.all(
    files.map(async (name) => {
      const path = join(folder, name);
      try {
        return parseDefinition(JSON.parse(await readFile(path, 'utf8')));
      } catch (error) {
        throw new Error(`${path} is no CustomResourceDefinition: ${error instanceof Error ? error.message : error}`);
      }
    }),
  );
}
