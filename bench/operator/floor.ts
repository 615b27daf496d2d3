import { z } from 'zod';
import type { KubeObject } from '../../scripts/cluster/simulated/agents/api.ts';
import type { Ground } from './ground.ts';
import type { NewObject, Subject } from './subject.ts';

/** Where the children of an Emulator are, by kind. */
const COLLECTIONS = {
  statefulsets: '/apis/apps/v1',
  services: '/api/v1',
  configmaps: '/api/v1',
  secrets: '/api/v1',
  networkpolicies: '/apis/networking.k8s.io/v1',
} as const;

const listSchema = z.object({
  apiVersion: z.string(),
  kind: z.string().transform((kind) => kind.replace(/List$/, '')),
  items: z.array(z.record(z.string(), z.unknown())),
});
const metadataSchema = z.object({
  name: z.string(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  ownerReferences: z.array(z.object({ name: z.string() })).default([]),
});

/** An object as a person would write it down: what the API server and controllers added is gone. */
function bare(apiVersion: string, kind: string, object: Readonly<Record<string, unknown>>): object {
  const { name, labels, annotations } = metadataSchema.parse(object['metadata']);
  const { status: _status, metadata: _metadata, ...rest } = object;
  return { ...rest, apiVersion, kind, metadata: { name, labels, annotations } };
}

/**
 * Bare objects, made by the user, with no operator at all: the children that ours made for one Emulator, under other
 * names. What takes long here takes at least as long with any operator.
 * @param template name of that Emulator, which no other text in its children contains
 */
export async function copyFloor(ground: Ground, namespace: string, template: string): Promise<Subject> {
  const children: NewObject[] = [];
  for (const [plural, group] of Object.entries(COLLECTIONS)) {
    const { text } = await ground.api.ask('GET', `${group}/namespaces/${namespace}/${plural}`);
    const { apiVersion, kind, items } = listSchema.parse(JSON.parse(text));
    for (const object of items) {
      if (!metadataSchema.parse(object['metadata']).ownerReferences.some(({ name }) => name === template)) continue;
      children.push({ path: `${group}/namespaces/${namespace}/${plural}`, body: bare(apiVersion, kind, object) });
    }
  }
  const text = JSON.stringify(children);
  return {
    title: 'floor',
    collection: (target) => `${COLLECTIONS.statefulsets}/namespaces/${target}/statefulsets`,
    resource: (target, name) => JSON.parse(text.replaceAll(template, name).replaceAll(`/${namespace}/`, `/${target}/`)),
    isReady: (object) => readyReplicas(object) === 1,
    statefulSet: (name) => name,
  };
}

function readyReplicas(object: KubeObject): number | undefined {
  return (object as { status?: { readyReplicas?: number } }).status?.readyReplicas;
}
