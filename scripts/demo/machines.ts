import { API_VERSION } from '../../src/api/group.ts';
import type { Images } from '../images/index.ts';

/** Where the demo's objects live. */
export const NAMESPACE = 'loco-demo';

export const EMULATORS = ['persistent', 'hybrid', 'ephemeral'] as const;

export type EmulatorName = (typeof EMULATORS)[number];

/** Names of the Secret and the ConfigMap that the hybrid machine needs for its registry. */
export const PULL_SECRET = 'demo-registry';
export const REGISTRY_CA = 'demo-registry-ca';

/** Each Emulator has one machine. */
export function podOf(name: EmulatorName): string {
  return `${name}-0`;
}

/** What each machine is there to show, in a sentence. */
export const PURPOSE: Record<EmulatorName, string> = {
  persistent: 'keeps its disk on a volume; the first disk is built into its image',
  hybrid: 'keeps its disk on a volume; the first disk comes from a registry, once',
  ephemeral: 'gets a new disk at every start',
};

/** Small and quick: the test guest needs no more, and no graphics mode before it counts as up. */
const guest = {
  machine: { memory: '128Mi' },
  readiness: { screen: 'Any' },
  shutdown: { gracePeriodSeconds: 30 },
};

/**
 * The three Emulators.
 * @param snapshot reference of the snapshot in the cluster's registry; without one the hybrid machine takes the disk
 *   built into its image
 */
export function emulators(images: Images, snapshot: string | undefined): object[] {
  const specs: Record<EmulatorName, object> = {
    persistent: { image: images.qemuBuiltin, storage: { mode: 'Persistent', size: '1Gi' } },
    hybrid: {
      image: snapshot === undefined ? images.qemuBuiltin : images.qemu,
      storage: { mode: 'Hybrid', size: '1Gi' },
      disk: {
        snapshot:
          snapshot === undefined
            ? { reference: 'ghcr.io/mroie/qemu-snapshots:win98-base' }
            : {
                reference: snapshot,
                pullSecretRef: { name: PULL_SECRET },
                registry: { caBundleRef: { name: REGISTRY_CA, key: 'ca.crt' } },
              },
      },
    },
    ephemeral: { image: images.qemuBuiltin, storage: { mode: 'Ephemeral', size: '2Gi' } },
  };
  return EMULATORS.map((name) => ({
    apiVersion: API_VERSION,
    kind: 'Emulator',
    metadata: { name, namespace: NAMESPACE },
    spec: { ...guest, ...specs[name] },
  }));
}
