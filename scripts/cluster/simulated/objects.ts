/** Name of the only StorageClass, the default one. */
export const STORAGE_CLASS = 'standard';

/** Far more than the machine has: what is simulated needs no room. */
const NODE_ROOM = { cpu: '10k', memory: '100Ti' };

/** What a simulated cluster has from the start: its nodes, and the class of the volumes that the stub makes. */
export function firstObjects(nodes: number, podsPerNode: number): object {
  const room = { ...NODE_ROOM, pods: String(podsPerNode) };
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      ...Array.from({ length: nodes }, (_, index) => ({
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: `simulated-${index}`, labels: { 'kubernetes.io/hostname': `simulated-${index}` } },
        status: { capacity: room, allocatable: room },
      })),
      {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'StorageClass',
        metadata: { name: STORAGE_CLASS, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
        provisioner: 'simulated',
        reclaimPolicy: 'Retain',
        volumeBindingMode: 'Immediate',
        allowVolumeExpansion: true,
      },
    ],
  };
}
