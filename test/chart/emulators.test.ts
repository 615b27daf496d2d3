import { describe, expect, it } from 'vitest';
import { type EmulatorSpec, emulatorSpecSchema } from '../../src/api/emulator/schema.ts';
import { refusal, render } from './render.ts';

/** Specs of the Emulators that the chart makes of these entries of the map, by name. */
async function emulators(entries: object, ...settings: string[]): Promise<Record<string, EmulatorSpec>> {
  const manifests = await render(`emulators=${JSON.stringify(entries)}`, ...settings);
  const found = manifests.filter(({ kind }) => kind === 'Emulator');
  return Object.fromEntries(
    found.map((manifest) => [manifest.metadata.name, emulatorSpecSchema.parse(manifest['spec'])]),
  );
}

describe('several Emulators', () => {
  it('are made from a map, each by the same two options as the first', async () => {
    const made = await emulators(
      {
        mine: { diskPVC: 'disk' },
        classroom: { diskPVC: 'disk', usePrebuiltSnapshot: true, replicas: 12 },
        ci: { usePrebuiltSnapshot: true },
        plain: {},
      },
      'emulator.diskPVC="win98-disk"',
    );
    const modes = Object.fromEntries(Object.entries(made).map(([name, { storage }]) => [name, storage.mode]));
    expect(modes).toEqual({
      win98: 'Persistent',
      mine: 'Persistent',
      classroom: 'Hybrid',
      ci: 'Ephemeral',
      plain: 'Ephemeral',
    });
    expect(made['classroom']?.replicas).toBe(12);
    expect(made['mine']?.storage.claimTemplateName).toBe('disk');
  });

  it('take the snapshot of the first one where they name none, even when that is not made', async () => {
    const registry = 'emulator.snapshotRegistry="registry.example.com/disks"';
    const entries = {
      same: { usePrebuiltSnapshot: true },
      newer: { usePrebuiltSnapshot: true, snapshotTag: 'next' },
      none: { diskPVC: 'disk' },
    };
    const made = await emulators(entries, registry, 'emulator.create=false');
    expect(Object.keys(made).sort()).toEqual(['newer', 'none', 'same']);
    expect(made['same']?.disk.snapshot?.reference).toBe('registry.example.com/disks:win98-base');
    expect(made['newer']?.disk.snapshot?.reference).toBe('registry.example.com/disks:next');
    expect(made['none']?.disk.snapshot).toBeUndefined();
  });

  it('take nothing else over from the first one', async () => {
    const first = ['emulator.diskPVC="mine"', 'emulator.replicas=3', 'emulator.spec.machine.memory="64Mi"'];
    const made = await emulators({ other: {} }, ...first);
    expect(made['win98']).toMatchObject({ replicas: 3, machine: { memory: '64Mi' } });
    expect(made['other']).toEqual(emulatorSpecSchema.parse({ storage: { mode: 'Ephemeral' } }));
  });

  it('may be called as YAML calls something else', async () => {
    expect(Object.keys(await emulators({ true: {}, no: {}, null: {} })).sort()).toEqual(['no', 'null', 'true']);
  });

  it('are left out by create: false', async () => {
    expect(Object.keys(await emulators({ here: {}, away: { diskPVC: 'disk', create: false } }))).toEqual(['here']);
  });

  it('have each a name of its own', async () => {
    const both = ['emulator.diskPVC="win98-disk"', 'emulators={"win98":{}}'];
    expect(await refusal(...both)).toContain('emulator.name="win98" is the name of an entry of emulators as well');
    expect(Object.keys(await emulators({ win98: {} }, 'emulator.create=false'))).toEqual(['win98']);
  });

  it('are refused in a namespace that the operator does not serve', async () => {
    const elsewhere = ['scope.kind="Namespaces"', 'scope.namespaces=["school","museum"]'];
    expect(await refusal(...elsewhere, 'emulators={"lost":{}}')).toContain(
      'in the namespace machines, which scope.namespaces (school, museum) leaves out: nobody would serve them',
    );
    const here = ['scope.kind="Namespaces"', 'scope.namespaces=["school","machines"]'];
    expect(Object.keys(await emulators({ found: {} }, ...here))).toEqual(['found']);
  });
});
