import { createHash } from 'node:crypto';
import type { V1ConfigMap } from '@kubernetes/client-node';
import type { EmulatorSpec } from '../../../api/emulator/schema.ts';
import type { DiskPlan, SnapshotPlan } from '../../../contract/disk-plan.ts';
import { ANNOTATIONS, childNames } from '../names.ts';
import { childMetadata, type Owner } from './owner.ts';
import { emptyDirBytes } from './volumes.ts';

/** Key of the plan in its ConfigMap; mounted under the same name. */
export const PLAN_KEY = 'plan.json';

/** What is known of the snapshot now: its digest, or why there is none yet. */
export interface SnapshotState {
  readonly digest?: string;
  readonly unresolved?: string;
}

/** What the machines are to make their disks from. */
export function diskPlan(spec: EmulatorSpec, snapshot: SnapshotState): DiskPlan {
  const wanted = spec.disk.snapshot;
  const { mode } = spec.storage;
  const limit = mode === 'Ephemeral' ? { volumeLimitBytes: emptyDirBytes(spec) } : {};
  const plan = { schemaVersion: 1, mode, source: spec.disk.source, ...limit } as const;
  const { builtinPath, onCorruption } = spec.disk;
  if (wanted === undefined) return { ...plan, builtinPath, onCorruption };
  const planned: SnapshotPlan = {
    reference: wanted.reference,
    plainHTTP: wanted.registry.plainHTTP,
    ...(wanted.path === undefined ? {} : { path: wanted.path }),
    ...(snapshot.digest === undefined ? {} : { digest: snapshot.digest }),
    ...(snapshot.unresolved === undefined ? {} : { unresolved: snapshot.unresolved }),
  };
  return { ...plan, builtinPath, onCorruption, snapshot: planned };
}

/** Short hash of a plan as it stands in its ConfigMap. */
export function planHash(planText: string): string {
  return createHash('sha256').update(planText).digest('hex').slice(0, 16);
}

/** The ConfigMap that every machine of the Emulator mounts. `changedAt` is when the plan last replaced another. */
export function renderPlanConfigMap(owner: Owner, plan: DiskPlan, changedAt: Date | undefined): V1ConfigMap {
  const metadata = childMetadata(owner, childNames.plan(owner.name));
  const annotations = changedAt && { annotations: { [ANNOTATIONS.planChangedAt]: changedAt.toISOString() } };
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { ...metadata, ...annotations },
    data: { [PLAN_KEY]: planText(plan) },
  };
}

/** The plan as it stands in its ConfigMap. */
export function planText(plan: DiskPlan): string {
  return `${JSON.stringify(plan, null, 2)}\n`;
}
