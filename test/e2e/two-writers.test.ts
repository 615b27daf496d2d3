import type { V1StatefulSet } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Scenario } from './support/scenario.ts';
import { removePod, volumePod } from './support/volume.ts';
import { eventually } from './support/wait.ts';

describe('one disk never has two writers', () => {
  const scenario = new Scenario('two-writers');
  const { cluster, namespace } = scenario;
  const shared = { mode: 'Persistent', existingClaim: { name: 'shared' } };
  const asleep = { powerState: 'Stopped' };

  beforeAll(async () => {
    await scenario.open();
    await claim('shared', {});
    await claim('contested', {});
    await claim('win98-disk-heir-0', { 'loco.mroie.github.io/emulator': 'ancestor' });
  });
  afterAll(() => scenario.close());

  async function claim(name: string, annotations: Record<string, string>): Promise<void> {
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, namespace, annotations },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
  }

  async function refused(name: string): Promise<string> {
    return (await scenario.condition(name, 'Stalled', 'True', 'ClaimOfAnotherEmulator')).message;
  }

  async function hasStatefulSet(name: string): Promise<boolean> {
    return (await cluster.get<V1StatefulSet>('apps/v1', 'StatefulSet', namespace, name)) !== undefined;
  }

  test('a machine waits for the pod that has its volume, and names it', async () => {
    await cluster.apply(intruder());
    await eventually('the other pod has the volume', async () =>
      (await scenario.log('intruder-0', 'script')).includes('disk'),
    );
    await scenario.applyEmulator('first', { storage: shared });
    const { message } = await scenario.condition('first', 'DisksReady', 'False', 'DiskFailed');
    expect(message).toContain(`pod ${namespace}/intruder-0`);
    const machine = (await scenario.emulator('first')).status?.machines?.[0];
    expect(machine).toMatchObject({ phase: 'DiskFailed', reason: 'VolumeInUse', ready: false });
  });

  test('a second Emulator on the same existing claim is refused with the first one’s name', async () => {
    await scenario.applyEmulator('second', { storage: shared });
    await scenario.interruption();
    expect(await refused('second')).toMatch(/PersistentVolumeClaim shared is used by Emulator first\./);
    expect(await hasStatefulSet('second')).toBe(false);
  });

  test('of two Emulators that come at the same moment for one existing claim exactly one gets it', async () => {
    const storage = { mode: 'Persistent', existingClaim: { name: 'contested' } };
    const names = ['twin-a', 'twin-b'];
    await Promise.all(names.map((name) => scenario.applyEmulator(name, { ...asleep, storage })));
    const served = await eventually('one is served and the other refused', async () => {
      const stalled = await Promise.all(
        names.map(async (name) =>
          (await scenario.emulator(name)).status?.conditions?.some(
            ({ type, status }) => type === 'Stalled' && status === 'True',
          ),
        ),
      );
      const free = names.filter((_, index) => stalled[index] === false);
      return free.length === 1 ? free[0] : undefined;
    });
    for (const name of names) {
      await eventually(
        `${name} has machines only if it was served`,
        async () => (await hasStatefulSet(name)) === (name === served),
      );
    }
  });

  test('of two Emulators whose PVCs would have one name the one that comes later is refused, before there is a PVC', async () => {
    await scenario.applyEmulator('y', { ...asleep, storage: { mode: 'Persistent', claimTemplateName: 'disk-x' } });
    await scenario.condition('y', 'Ready', 'False', 'Stopped');
    await scenario.applyEmulator('x-y', { ...asleep, storage: { mode: 'Persistent', claimTemplateName: 'disk' } });
    // Whichever of the two counts as the older where they are of one second: this one has a StatefulSet already.
    expect(await refused('x-y')).toMatch(/PersistentVolumeClaim disk-x-y-0 is to be used by Emulator y as well/);
    expect(await hasStatefulSet('x-y')).toBe(false);
  });

  test('a PVC that waits for its deleted Emulator is given to another only by the line that the message has', async () => {
    await scenario.applyEmulator('heir', { ...asleep, storage: { mode: 'Persistent' } });
    const message = await refused('heir');
    expect(message).toContain('Emulator ancestor');
    expect(await hasStatefulSet('heir')).toBe(false);
    await scenario.paste(message.slice(message.indexOf('kubectl annotate')), '/');
    await scenario.condition('heir', 'Stalled', 'False');
    await eventually('its machines are made', () => hasStatefulSet('heir'));
  });

  test('the machine boots by itself when the other pod is gone', async () => {
    await removePod(scenario, 'intruder-0');
    await scenario.ready('first');
    expect(await scenario.bootCount('first-0')).toBe(1);
  });

  test('an existing claim is free again when its Emulator is deleted, with the disk that it has', async () => {
    const disk = (await scenario.emulator('first')).status?.machines?.[0]?.disk;
    await scenario.deleteEmulator('first');
    await scenario.interruption();
    await scenario.ready('second');
    expect(await scenario.bootCount('second-0')).toBe(2);
    expect((await scenario.emulator('second')).status?.machines?.[0]?.disk?.id).toBe(disk?.id);
    expect(await scenario.events('second', 'DiskReplaced')).toEqual([]);
  });

  /** A pod that somebody made by hand with the machines' image: it takes the volume's lock as any machine does. */
  function intruder() {
    const pod = volumePod(scenario, 'intruder-0', 'shared', ['loco-agent', 'prepare']);
    const [container] = pod.spec.containers;
    const settings = {
      ...{ type: '', cpu: 'pentium2', memoryMiB: 64, acceleration: 'TCG', video: 'std', sound: 'none', nic: 'none' },
      ...{ timeZone: 'UTC', pointer: 'PS2', extraArgs: [], gracePeriodSeconds: 5, onGuestPowerOff: 'Stay' },
      ...{ readinessScreen: 'Any', diskCache: 'Durable' },
    };
    const env = [
      { name: 'POD_NAME', value: 'intruder-0' },
      { name: 'POD_NAMESPACE', value: namespace },
      { name: 'POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
      { name: 'EMULATOR_NAME', value: 'intruder' },
      { name: 'LOCO_MACHINE', value: JSON.stringify(settings) },
    ];
    return { ...pod, spec: { ...pod.spec, containers: [{ ...container, env }] } };
  }
});
