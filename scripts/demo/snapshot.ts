import { readFile } from 'node:fs/promises';
import type { ClusterRegistry } from '../cluster/index.ts';
import { dockerConfig } from '../push-snapshot.ts';
import { NAMESPACE, PULL_SECRET, REGISTRY_CA } from './machines.ts';

/** Where the demo's snapshot is inside the registry. */
export const SNAPSHOT = 'loco/qemu-snapshots:win98-base';

/** What a user of a private registry brings along: a pull secret, and the certificate that signs the registry's. */
export async function registryAccess(registry: ClusterRegistry): Promise<object[]> {
  return [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/dockerconfigjson',
      metadata: { name: PULL_SECRET, namespace: NAMESPACE },
      stringData: { '.dockerconfigjson': dockerConfig(registry, registry.hostname) },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: REGISTRY_CA, namespace: NAMESPACE },
      data: { 'ca.crt': await readFile(registry.caFile, 'utf8') },
    },
  ];
}
