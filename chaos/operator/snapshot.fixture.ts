import { emulatorSchema } from '../../src/api/emulator/schema.ts';
import type { AgentReport } from '../../src/contract/agent-report.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import type { ClaimObject, PodObject } from '../../src/operator/emulator/cluster-object.ts';
import { ANNOTATIONS, objectLabels } from '../../src/operator/emulator/names.ts';
import { diskPlan, renderPlanConfigMap } from '../../src/operator/emulator/render/plan-config-map.ts';
import { renderService } from '../../src/operator/emulator/render/service.ts';
import { renderStatefulSet } from '../../src/operator/emulator/render/stateful-set.ts';
import { MACHINE_IMAGE } from './converged.ts';
import type { Snapshot } from './snapshot.ts';

export const NAME = 'emu-000';
const owner = { name: NAME, namespace: 'wild', uid: 'emulator-uid' };
const REVISION = 'revision-1';

const condition = (type: string, status: string, reason: string): object => ({
  type,
  status,
  reason,
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

const disk: NonNullable<AgentReport['disk']> = {
  id: 'disk-id',
  origin: 'Builtin',
  digest: 'sha256:1',
  sizeBytes: 1,
  preparedAt: '2026-01-01T00:00:00.000Z',
};

const emulator = emulatorSchema.parse({
  apiVersion: 'loco.mroie.github.io/v1alpha1',
  kind: 'Emulator',
  metadata: { ...owner, generation: 1 },
  spec: {
    storage: { mode: 'Persistent', size: '1Gi', retention: { whenDeleted: 'Delete', whenScaled: 'Delete' } },
  },
  status: {
    observedGeneration: 1,
    replicas: 1,
    readyReplicas: 1,
    conditions: [
      condition('Ready', 'True', 'MachinesReady'),
      condition('Reconciling', 'False', 'UpToDate'),
      condition('Stalled', 'False', 'NotStalled'),
      condition('DisksReady', 'True', 'DisksPrepared'),
      condition('DisksWritable', 'True', 'DisksWritable'),
      condition('RestartRequired', 'False', 'UpToDate'),
      condition('VolumesResized', 'True', 'UpToDate'),
    ],
    machines: [
      {
        ordinal: 0,
        pod: `${NAME}-0`,
        phase: 'Running',
        ready: true,
        disk: { ...disk, confirmed: true },
        message: '',
      },
    ],
  },
});

const { spec } = emulator;

function secret(name: string): KubeObject {
  return { metadata: { name, ownerReferences: renderService(owner).metadata?.ownerReferences ?? [] } } as KubeObject;
}

const pod: PodObject = {
  metadata: {
    name: `${NAME}-0`,
    namespace: 'wild',
    uid: 'pod-uid',
    labels: { ...objectLabels(NAME), 'controller-revision-hash': REVISION },
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: NAME, uid: 'set-uid', controller: true }],
  },
};

const claim: ClaimObject = {
  metadata: {
    name: `win98-disk-${NAME}-0`,
    namespace: 'wild',
    uid: 'claim-uid',
    annotations: { [ANNOTATIONS.emulator]: NAME, [ANNOTATIONS.emulatorUid]: owner.uid },
    ownerReferences: [{ apiVersion: 'loco.mroie.github.io/v1alpha1', kind: 'Emulator', name: NAME, uid: owner.uid }],
  },
};

const report: AgentReport = {
  schemaVersion: 1,
  podUid: 'pod-uid',
  phase: 'Running',
  message: '',
  ready: true,
  disk,
  attempts: [],
};

const statefulSet = renderStatefulSet({ owner, spec, defaultImage: MACHINE_IMAGE, scaleMark: spec.replicas });

/** One persistent Emulator with one machine, of which everything is as it has to be. */
export const GOOD = {
  emulators: [emulator],
  statefulSets: [
    {
      ...statefulSet,
      metadata: { ...statefulSet.metadata, uid: 'set-uid' },
      status: { updateRevision: REVISION },
    },
  ],
  services: [renderService(owner)],
  configMaps: [renderPlanConfigMap(owner, diskPlan(spec, {}), undefined)],
  secrets: [secret(`${NAME}-agent`), secret(`${NAME}-vnc`)],
  pods: [pod],
  claims: [claim],
  revisions: [],
  reports: new Map([['pod-uid', report]]),
} as unknown as Snapshot;
