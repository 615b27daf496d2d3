import type { V1StatefulSet } from '@kubernetes/client-node';
import type { EmulatorSpec } from '../../../api/emulator/schema.ts';
import { ANNOTATIONS, childNames, selectorLabels } from '../names.ts';
import { childMetadata, type Owner } from './owner.ts';
import { renderPodTemplate } from './pod-template.ts';
import { claimSize, claimTemplates } from './volumes.ts';

export interface StatefulSetInput {
  readonly owner: Owner;
  readonly spec: EmulatorSpec;
  /** Image of the operator's own release, for a spec that names none. */
  readonly defaultImage: string;
  /** See `disks/retention.ts`. */
  readonly scaleMark: number;
  /** Size in the claim template of the StatefulSet that is there already; see `disks/resize.ts`. */
  readonly templateSize?: string | undefined;
  /** Emulator's UID in its claim template; undefined for a StatefulSet of a release that wrote none. */
  readonly templateUid?: string | undefined;
}

/** Pods that should be running: none while the machines are stopped. */
export function wantedPods(spec: EmulatorSpec): number {
  return spec.powerState === 'Stopped' ? 0 : spec.replicas;
}

/**
 * The StatefulSet of an Emulator's machines. Its own claim retention is always Retain: with `whenScaled: Delete` it
 * would delete every claim at 0 replicas, which is what Stopped means, and with `whenDeleted: Delete` one deleted by
 * hand would take the disks along. The operator does retention itself (`disks/retention.ts`).
 */
export function renderStatefulSet(input: StatefulSetInput): V1StatefulSet {
  const { owner, spec } = input;
  const metadata = childMetadata(owner, childNames.statefulSet(owner.name));
  const templates = claimTemplates(owner, spec, {
    size: input.templateSize ?? claimSize(spec),
    uid: input.templateUid,
  });
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { ...metadata, annotations: { [ANNOTATIONS.scaleMark]: String(input.scaleMark) } },
    spec: {
      replicas: wantedPods(spec),
      serviceName: childNames.service(owner.name),
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'OnDelete' },
      revisionHistoryLimit: 3,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      selector: { matchLabels: selectorLabels(owner.name) },
      template: renderPodTemplate(owner, spec, input.spec.image ?? input.defaultImage),
      ...(templates.length === 0 ? {} : { volumeClaimTemplates: templates }),
    },
  };
}
