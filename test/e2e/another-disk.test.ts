import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Scenario } from './support/scenario.ts';
import { onVolume } from './support/volume.ts';
import { eventually } from './support/wait.ts';

describe('a PVC that is emptied behind the operator’s back', () => {
  const scenario = new Scenario('another-disk');
  const claim = 'win98-disk-emptied-0';
  let before: string | undefined;

  beforeAll(() => scenario.open());
  afterAll(() => scenario.close());

  test('is not said to have its old disk while nobody has looked', async () => {
    await scenario.applyEmulator('emptied', { storage: { mode: 'Persistent', size: '1Gi' } });
    const { status } = await scenario.ready('emptied');
    before = status?.machines?.[0]?.disk?.id;
    expect(status?.machines?.[0]?.disk?.confirmed).toBe(true);
    await scenario.patch('emptied', { powerState: 'Stopped' });
    await scenario.stopped('emptied');
    await onVolume(scenario, claim, 'rm -rf /images/win98.qcow2 /images/.loco');
    const machine = (await scenario.emulator('emptied')).status?.machines?.[0];
    expect(machine).toMatchObject({ phase: 'Stopped', disk: { id: before, confirmed: false } });
    expect(machine?.message).toContain('what it last reported, not what is on its volume now');
  });

  test('shows its new disk at the next start, and an event says that it is another', async () => {
    await scenario.patch('emptied', { powerState: 'Running' });
    await scenario.interruption();
    const now = (await scenario.ready('emptied')).status?.machines?.[0]?.disk;
    expect(now?.confirmed).toBe(true);
    expect(now?.id).not.toBe(before);
    expect(now?.predecessor).toBeUndefined();
    expect(await scenario.bootCount('emptied-0')).toBe(1);
    const note = await eventually(
      'the event says so',
      async () => (await scenario.events('emptied', 'DiskReplaced'))[0],
    );
    for (const named of [claim, before, now?.id]) expect(note).toContain(named);
    await eventually('the claim tells of the new disk', async () => {
      const found = await scenario.cluster.core.readNamespacedPersistentVolumeClaim({
        name: claim,
        namespace: scenario.namespace,
      });
      const told = found.metadata?.annotations?.['loco.mroie.github.io/disk'] ?? '{}';
      return (JSON.parse(told) as { id?: string }).id === now?.id;
    });
  });
});
