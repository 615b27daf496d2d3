import { GROUP, VERSION } from '../../api/group.ts';
import type { Resource } from '../../kube/object.ts';

/** The kinds that the Emulator controller reads or writes. */
export const RESOURCES = {
  emulator: { group: GROUP, version: VERSION, plural: 'emulators', kind: 'Emulator' },
  statefulSet: { group: 'apps', version: 'v1', plural: 'statefulsets', kind: 'StatefulSet' },
  service: { group: '', version: 'v1', plural: 'services', kind: 'Service' },
  configMap: { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' },
  pod: { group: '', version: 'v1', plural: 'pods', kind: 'Pod' },
  claim: { group: '', version: 'v1', plural: 'persistentvolumeclaims', kind: 'PersistentVolumeClaim' },
  podDisruptionBudget: {
    group: 'policy',
    version: 'v1',
    plural: 'poddisruptionbudgets',
    kind: 'PodDisruptionBudget',
  },
  networkPolicy: { group: 'networking.k8s.io', version: 'v1', plural: 'networkpolicies', kind: 'NetworkPolicy' },
  secret: { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' },
} as const satisfies Record<string, Resource>;
