import { posix } from 'node:path';
import type { V1PersistentVolumeClaim, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import type { EmulatorSpec } from '../../../api/emulator/schema.ts';
import { PATHS } from '../../../contract/pod.ts';
import { formatBytes, MIB, parseQuantity } from '../../quantity.ts';
import { ANNOTATIONS, childNames, objectLabels } from '../names.ts';
import { AGENT_TOKEN_KEY } from './agent-secret.ts';
import type { Owner } from './owner.ts';
import { VNC_PASSWORD_KEY } from './vnc-secret.ts';

/** Files of mounted Secrets: readable by owner and the pod's group, which is fsGroup. */
const SECRET_MODE = 0o440;

/**
 * The limit of an Ephemeral machine's volume, in bytes. A pod over it is evicted with one second of grace and never sees
 * "disk full", so it holds the peak: the pulled layers beside the disk that is put together from them, each at most
 * `storage.size`, and a tenth more for records and file system.
 */
export function emptyDirBytes(spec: EmulatorSpec): number {
  const size = parseQuantity(spec.storage.size) ?? 0;
  return Math.ceil((size * 22) / 10 / MIB) * MIB;
}

/** What a claim asks for. In whole bytes: of a fraction the API server would make something in thousandths. */
export function claimSize({ storage }: EmulatorSpec): string {
  const bytes = parseQuantity(storage.size);
  return bytes === undefined ? storage.size : formatBytes(bytes);
}

/**
 * The claim template, where the Emulator has its own claims. A StatefulSet refuses any change of its claim templates,
 * so size and UID are those that it already has (`disks/resize.ts` replaces the StatefulSet for another size), and
 * nothing else in labels and annotations may ever change between releases. What stands here from the start needs no
 * write to the claim afterwards: it is this Emulator's at the moment at which it is there.
 */
export function claimTemplates(
  owner: Owner,
  spec: EmulatorSpec,
  { size, uid }: { readonly size: string; readonly uid: string | undefined },
): V1PersistentVolumeClaim[] {
  const { storage } = spec;
  if (storage.mode === 'Ephemeral' || storage.existingClaim !== undefined) return [];
  return [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name: storage.claimTemplateName,
        labels: objectLabels(owner.name),
        annotations: {
          [ANNOTATIONS.emulator]: owner.name,
          ...(uid === undefined ? {} : { [ANNOTATIONS.emulatorUid]: uid }),
        },
      },
      spec: {
        accessModes: [storage.accessMode],
        volumeMode: 'Filesystem',
        resources: { requests: { storage: size } },
        ...(storage.storageClassName === undefined ? {} : { storageClassName: storage.storageClassName }),
      },
    },
  ];
}

/** Name of the disk's volume; for a claim template it has to be the template's name. */
function diskVolumeName(spec: EmulatorSpec): string {
  return spec.storage.claimTemplateName;
}

function diskVolume(spec: EmulatorSpec): V1Volume[] {
  const { storage } = spec;
  const name = diskVolumeName(spec);
  if (storage.existingClaim !== undefined) {
    return [{ name, persistentVolumeClaim: { claimName: storage.existingClaim.name } }];
  }
  return storage.mode === 'Ephemeral' ? [{ name, emptyDir: { sizeLimit: formatBytes(emptyDirBytes(spec)) } }] : [];
}

/** The registry's credentials and CA; optional, because the objects may be put right after the pod was made. */
function registryVolumes(spec: EmulatorSpec): V1Volume[] {
  const snapshot = spec.disk.snapshot;
  const pullSecret = snapshot?.pullSecretRef;
  const ca = snapshot?.registry.caBundleRef;
  const volumes: V1Volume[] = [];
  if (pullSecret !== undefined) {
    const items = [{ key: '.dockerconfigjson', path: posix.basename(PATHS.registryConfig) }];
    volumes.push({
      name: 'loco-registry',
      secret: { secretName: pullSecret.name, optional: true, defaultMode: SECRET_MODE, items },
    });
  }
  if (ca !== undefined) {
    const items = [{ key: ca.key, path: posix.basename(PATHS.registryCA) }];
    volumes.push({ name: 'loco-registry-ca', configMap: { name: ca.name, optional: true, items } });
  }
  return volumes;
}

function vncVolume(owner: Owner, spec: EmulatorSpec): V1Volume {
  const given = spec.display.vnc.passwordSecretRef;
  const secretName = given?.name ?? childNames.vncSecret(owner.name);
  const items = [{ key: given?.key ?? VNC_PASSWORD_KEY, path: posix.basename(PATHS.vncPassword) }];
  return { name: 'loco-vnc', secret: { secretName, defaultMode: SECRET_MODE, items } };
}

/**
 * Volumes of the pod, apart from the one that a claim template brings: that one replaces a volume of the same name, so
 * ours have a prefix that no user gives to a claim template by chance.
 */
export function podVolumes(owner: Owner, spec: EmulatorSpec): V1Volume[] {
  const agentItems = [{ key: AGENT_TOKEN_KEY, path: posix.basename(PATHS.agentToken) }];
  return [
    ...diskVolume(spec),
    { name: 'loco-plan', configMap: { name: childNames.plan(owner.name) } },
    {
      name: 'loco-agent',
      secret: { secretName: childNames.agentSecret(owner.name), defaultMode: SECRET_MODE, items: agentItems },
    },
    vncVolume(owner, spec),
    ...registryVolumes(spec),
    { name: 'loco-run', emptyDir: {} },
    { name: 'loco-tmp', emptyDir: {} },
  ];
}

/** Where both containers see the volumes. Folders, not single files, so that kubelet's refreshes arrive. */
export function volumeMounts(spec: EmulatorSpec): V1VolumeMount[] {
  const folder = (path: string): string => posix.dirname(path);
  const mounts: V1VolumeMount[] = [
    { name: diskVolumeName(spec), mountPath: PATHS.images },
    { name: 'loco-plan', mountPath: folder(PATHS.plan), readOnly: true },
    { name: 'loco-agent', mountPath: folder(PATHS.agentToken), readOnly: true },
    { name: 'loco-vnc', mountPath: folder(PATHS.vncPassword), readOnly: true },
    { name: 'loco-run', mountPath: PATHS.run },
    { name: 'loco-tmp', mountPath: '/tmp' },
  ];
  const snapshot = spec.disk.snapshot;
  if (snapshot?.pullSecretRef !== undefined) {
    mounts.push({ name: 'loco-registry', mountPath: folder(PATHS.registryConfig), readOnly: true });
  }
  if (snapshot?.registry.caBundleRef !== undefined) {
    mounts.push({ name: 'loco-registry-ca', mountPath: folder(PATHS.registryCA), readOnly: true });
  }
  return mounts;
}
