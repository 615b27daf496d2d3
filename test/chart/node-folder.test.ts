import { describe, expect, it } from 'vitest';
import { emulatorSpecSchema } from '../../src/api/emulator/schema.ts';
import { childNames } from '../../src/operator/emulator/names.ts';
import { only, refusal, render } from './render.ts';

const folder = ['emulator.diskPVC="my-disk"', 'emulator.nodeFolder={"path":"/data/win98-disk","node":"minikube"}'];

describe('a folder of a node', () => {
  it('is a local volume of that node, for the claim of the one machine and nobody else', async () => {
    const manifests = await render(...folder);
    const spec = emulatorSpecSchema.parse(only(manifests, 'Emulator')['spec']);
    const claim = childNames.claim(spec.storage.claimTemplateName, 'win98', 0);
    expect(only(manifests, 'PersistentVolume')['spec']).toEqual({
      capacity: { storage: '4Gi' },
      volumeMode: 'Filesystem',
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: '',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'machines', name: claim },
      local: { path: '/data/win98-disk' },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['minikube'] }] },
          ],
        },
      },
    });
    expect(spec.storage).toMatchObject({ mode: 'Persistent', storageClassName: '', size: '4Gi' });
  });

  it('stays when the chart is uninstalled, as the claim does', async () => {
    const volume = only(await render(...folder), 'PersistentVolume');
    expect(volume.metadata['annotations']).toEqual({ 'helm.sh/resource-policy': 'keep' });
  });

  it('offers as much as the machine asks for', async () => {
    const manifests = await render(...folder, 'emulator.spec.storage.size="9Gi"', 'emulator.usePrebuiltSnapshot=true');
    expect(only(manifests, 'PersistentVolume')['spec']).toMatchObject({ capacity: { storage: '9Gi' } });
    const { storage } = emulatorSpecSchema.parse(only(manifests, 'Emulator')['spec']);
    expect(storage).toMatchObject({ mode: 'Hybrid', size: '9Gi' });
  });

  it('is called differently in each namespace, since volumes have none', async () => {
    const { metadata } = only(await render(...folder), 'PersistentVolume');
    expect(metadata.name).toBe('machines-my-disk-win98-0');
    expect(metadata).not.toHaveProperty('namespace');
  });

  it('is an option of any Emulator of the chart', async () => {
    const entry = { diskPVC: 'd', nodeFolder: { path: '/data/a', node: 'node-a' } };
    const manifests = await render(`emulators=${JSON.stringify({ a: entry })}`);
    expect(only(manifests, 'PersistentVolume').metadata.name).toBe('machines-d-a-0');
  });

  it('is one Emulator’s alone', async () => {
    const both = (path: string, node: string) => {
      const [a, b] = [
        { path: '/data/disk', node: 'node-a' },
        { path, node },
      ];
      return `emulators=${JSON.stringify({ a: { diskPVC: 'd', nodeFolder: a }, b: { diskPVC: 'd', nodeFolder: b } })}`;
    };
    const sentence = 'a and b both have the nodeFolder /data/disk of the node node-a, which is one disk';
    expect(await refusal(both('/data/disk', 'node-a'))).toContain(sentence);
    expect(await refusal(both('/data/./other/../disk', 'node-a'))).toContain(sentence);
    for (const other of [both('/data/disk', 'node-b'), both('/data/disk-b', 'node-a')]) {
      const volumes = (await render(other)).filter(({ kind }) => kind === 'PersistentVolume');
      expect(volumes).toHaveLength(2);
    }
  });

  it('is none by default', async () => {
    const kinds = (await render('emulator.diskPVC="win98-disk"')).map(({ kind }) => kind);
    expect(kinds).not.toContain('PersistentVolume');
  });
});
