import { z } from 'zod';
import { objectLabels } from '../../src/operator/emulator/names.ts';
import { type Manifest, only } from '../chart/render.ts';
import { policiesOf } from './policy.ts';
import type { Party, Pod, Port, World } from './reach.ts';

/** The release's namespace, as the chart is rendered here. */
export const RELEASE_NAMESPACE = 'machines';

const templateSchema = z.looseObject({
  metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }),
  spec: z.looseObject({
    containers: z.array(
      z.looseObject({ ports: z.array(z.looseObject({ name: z.string(), containerPort: z.int() })).default([]) }),
    ),
  }),
});
const workloadSchema = z.looseObject({ spec: z.looseObject({ template: templateSchema }) });

export function pod(namespace: string, labels: Record<string, string>): Pod {
  return { kind: 'pod', namespace, labels };
}

export function outside(address: string): Party {
  return { kind: 'outside', address };
}

/** A machine of an Emulator. */
export function machineOf(namespace: string, emulator: string): Pod {
  return pod(namespace, objectLabels(emulator));
}

/** The pod that a Deployment or a Job of the chart makes. */
export function podOf(workload: unknown): Pod {
  const { metadata, spec } = workloadSchema.parse(workload).spec.template;
  return { ...pod(RELEASE_NAMESPACE, metadata.labels), ports: spec.containers.flatMap(({ ports }) => ports) };
}

/** The policies of a rendered chart, and the operator's pod among them. */
export function installed(manifests: readonly Manifest[]): { world: World; operator: Pod } {
  return { world: { policies: policiesOf(manifests) }, operator: podOf(only(manifests, 'Deployment')) };
}

export const tcp = (port: number): Port => ({ port });
export const udp = (port: number): Port => ({ port, protocol: 'UDP' });
