import type { V1PodDisruptionBudget } from '@kubernetes/client-node';
import type { EmulatorSpec } from '../../../api/emulator/schema.ts';
import { childNames, selectorLabels } from '../names.ts';
import { childMetadata, type Owner } from './owner.ts';

/** How many of an Emulator's machines may be evicted at a time, as Kubernetes computes it: a share is rounded up. */
function evictableMachines({ replicas, pod: { maxUnavailable } }: EmulatorSpec): number {
  return typeof maxUnavailable === 'number'
    ? maxUnavailable
    : Math.ceil((Number.parseInt(maxUnavailable, 10) * replicas) / 100);
}

/** Is there a machine that a budget would keep from being evicted? Without, it would only cost a write. */
export function needsBudget(spec: EmulatorSpec): boolean {
  return evictableMachines(spec) < spec.replicas;
}

/**
 * Keeps drains of nodes from shutting down too many guests at a time. A machine that isn't ready holds back nothing: a
 * node couldn't be drained of a broken one otherwise.
 */
export function renderPodDisruptionBudget(owner: Owner, spec: EmulatorSpec): V1PodDisruptionBudget {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: childMetadata(owner, childNames.podDisruptionBudget(owner.name)),
    spec: {
      maxUnavailable: spec.pod.maxUnavailable,
      selector: { matchLabels: selectorLabels(owner.name) },
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    },
  };
}
