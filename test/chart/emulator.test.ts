import { describe, expect, it } from 'vitest';
import { emulatorSpecSchema } from '../../src/api/emulator/schema.ts';
import { only, render } from './render.ts';

async function emulator(...settings: string[]) {
  const manifest = only(await render(...settings), 'Emulator');
  return { manifest, spec: emulatorSpecSchema.parse(manifest['spec']) };
}

describe('the first Emulator', () => {
  it('is not made when nothing is said about it', async () => {
    const kinds = (await render()).map((manifest) => manifest.kind);
    expect(kinds).toContain('Deployment');
    expect(kinds).not.toContain('Emulator');
  });

  it('is not made when create is false, whatever else is said', async () => {
    const manifests = await render('emulator.create=false', 'emulator.diskPVC="win98-disk"');
    expect(manifests.map((manifest) => manifest.kind)).not.toContain('Emulator');
  });

  it('A: diskPVC alone makes it Persistent, and names no snapshot', async () => {
    const { manifest, spec } = await emulator('emulator.diskPVC="win98-disk"');
    expect(manifest.metadata).toMatchObject({ name: 'win98', namespace: 'machines' });
    expect(spec.storage).toMatchObject({ mode: 'Persistent', claimTemplateName: 'win98-disk' });
    expect(spec.disk.snapshot).toBeUndefined();
  });

  it('B: diskPVC and usePrebuiltSnapshot make it Hybrid, from the default snapshot', async () => {
    const { spec } = await emulator('emulator.diskPVC="my-disk"', 'emulator.usePrebuiltSnapshot=true');
    expect(spec.storage).toMatchObject({ mode: 'Hybrid', claimTemplateName: 'my-disk' });
    expect(spec.disk.snapshot?.reference).toBe('ghcr.io/mroie/qemu-snapshots:win98-base');
  });

  it('C: usePrebuiltSnapshot alone makes it Ephemeral with the snapshot', async () => {
    const { spec } = await emulator('emulator.usePrebuiltSnapshot=true');
    expect(spec.storage.mode).toBe('Ephemeral');
    expect(spec.disk.snapshot?.reference).toBe('ghcr.io/mroie/qemu-snapshots:win98-base');
  });

  it('neither, but create: Ephemeral from the built-in disk', async () => {
    const { spec } = await emulator('emulator.create=true');
    expect(spec.storage.mode).toBe('Ephemeral');
    expect(spec.disk.snapshot).toBeUndefined();
  });

  it('takes any other field from emulator.spec, beside what the options make', async () => {
    const { spec } = await emulator(
      'emulator.diskPVC="win98-disk"',
      'emulator.usePrebuiltSnapshot=true',
      'emulator.spec={"storage":{"size":"8Gi"},"disk":{"snapshot":{"pullSecretRef":{"name":"ghcr"}}}}',
    );
    expect(spec.storage).toMatchObject({ mode: 'Hybrid', size: '8Gi' });
    expect(spec.disk.snapshot).toMatchObject({
      reference: 'ghcr.io/mroie/qemu-snapshots:win98-base',
      pullSecretRef: { name: 'ghcr' },
    });
  });

  it('says what becomes of a damaged disk only when that is given: Fail is the default of the API', async () => {
    const plain = await emulator('emulator.diskPVC="win98-disk"');
    expect(plain.manifest['spec']).not.toHaveProperty('disk');
    expect(plain.spec.disk.onCorruption).toBe('Fail');
    const hybrid = ['emulator.diskPVC="win98-disk"', 'emulator.usePrebuiltSnapshot=true'];
    const { spec } = await emulator(...hybrid, 'emulator.spec.disk.onCorruption="Reprovision"');
    expect(spec.disk).toMatchObject({
      onCorruption: 'Reprovision',
      snapshot: { reference: 'ghcr.io/mroie/qemu-snapshots:win98-base' },
    });
  });

  it('names no PVC to make when it is given one that exists', async () => {
    const { manifest } = await emulator(
      'emulator.diskPVC="my-disk"',
      'emulator.spec.storage.existingClaim={"name":"my-disk"}',
    );
    expect(manifest['spec']).toEqual({ storage: { mode: 'Persistent', existingClaim: { name: 'my-disk' } } });
  });

  it('joins a digest to the repository with @', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const { spec } = await emulator(
      'emulator.usePrebuiltSnapshot=true',
      'emulator.snapshotRegistry="registry.example.com:5000/disks"',
      `emulator.snapshotTag="${digest}"`,
    );
    expect(spec.disk.snapshot?.reference).toBe(`registry.example.com:5000/disks@${digest}`);
  });

  it('leaves the replicas out unless they are given, so that kubectl scale stays', async () => {
    const { manifest } = await emulator('emulator.create=true');
    expect(manifest['spec']).not.toHaveProperty('replicas');
    const scaled = await emulator('emulator.create=true', 'emulator.replicas=0');
    expect(scaled.manifest['spec']).toHaveProperty('replicas', 0);
  });
});
