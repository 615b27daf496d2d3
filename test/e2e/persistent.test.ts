import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Scenario } from './support/scenario.ts';
import { eventually } from './support/wait.ts';

describe('a persistent machine keeps its disk', () => {
  const scenario = new Scenario('persistent');
  const pod = 'classroom-0';
  const claim = 'win98-disk-classroom-0';
  const storage = { mode: 'Persistent', size: '1Gi' };

  beforeAll(() => scenario.open());
  afterAll(() => scenario.close());

  test('it boots from the built-in disk and says so', async () => {
    await scenario.applyEmulator('classroom', { storage });
    await scenario.interruption();
    const emulator = await scenario.ready('classroom');
    expect(await scenario.bootCount(pod)).toBe(1);
    expect(emulator.status?.diskOrigin).toBe('Builtin');
    expect(emulator.status?.machines?.[0]?.disk?.origin).toBe('Builtin');
    expect(emulator.status?.readyReplicas).toBe(1);
  });

  test('deleting its pod shuts the guest down cleanly and boots the same disk again', async () => {
    await scenario.replacePod('classroom', pod);
    expect(await scenario.bootCount(pod)).toBe(2);
    expect((await scenario.guestLine(pod, /LOCO-GUEST clean=(\w+)/g))[1]).toBe('yes');
    await eventually('the status tells of the clean stop', async () => {
      const emulator = await scenario.emulator('classroom');
      return emulator.status?.machines?.[0]?.disk?.lastStop?.kind === 'Clean';
    });
  });

  test('stopping it with whenScaled: Delete keeps the volume', async () => {
    const uid = await scenario.claimUid(claim);
    await scenario.applyEmulator('classroom', {
      powerState: 'Stopped',
      storage: { ...storage, retention: { whenScaled: 'Delete' } },
    });
    await scenario.condition('classroom', 'Ready', 'False', 'Stopped');
    await eventually('the pod is gone', async () => (await scenario.podUid(pod)) === undefined);
    await scenario.interruption();
    expect(await scenario.claimUid(claim)).toBe(uid);
    await scenario.applyEmulator('classroom', { storage });
    await scenario.ready('classroom');
    expect(await scenario.claimUid(claim)).toBe(uid);
    expect(await scenario.bootCount(pod)).toBe(3);
  });

  test('a StatefulSet deleted by hand under whenDeleted: Delete comes back with the same disk', async () => {
    await scenario.applyEmulator('classroom', { storage: { ...storage, retention: { whenDeleted: 'Delete' } } });
    const uid = await scenario.claimUid(claim);
    await eventually('the volume is owned by the Emulator', async () => {
      const found = await scenario.cluster.core.readNamespacedPersistentVolumeClaim({
        name: claim,
        namespace: scenario.namespace,
      });
      return found.metadata?.ownerReferences?.some((owner) => owner.kind === 'Emulator');
    });
    const old = await scenario.podUid(pod);
    await scenario.cluster.kubectl(['-n', scenario.namespace, 'delete', 'statefulset', 'classroom', '--wait=false']);
    await scenario.interruption();
    await scenario.newPod('classroom', pod, old);
    expect(await scenario.claimUid(claim)).toBe(uid);
    expect(await scenario.bootCount(pod)).toBe(4);
  });

  test('an Emulator deleted with Retain and applied again finds its disk', async () => {
    await scenario.applyEmulator('classroom', { storage });
    const uid = await scenario.claimUid(claim);
    await eventually('the volume is owned by nobody', async () => {
      const found = await scenario.cluster.core.readNamespacedPersistentVolumeClaim({
        name: claim,
        namespace: scenario.namespace,
      });
      return (found.metadata?.ownerReferences ?? []).length === 0;
    });
    await scenario.deleteEmulator('classroom');
    await scenario.interruption();
    expect(await scenario.claimUid(claim)).toBe(uid);
    await scenario.applyEmulator('classroom', { storage });
    const emulator = await scenario.ready('classroom');
    expect(await scenario.claimUid(claim)).toBe(uid);
    expect(await scenario.bootCount(pod)).toBe(5);
    expect(emulator.status?.diskOrigin).toBe('Builtin');
  });

  test('an Emulator deleted with whenDeleted: Delete takes its volume along', async () => {
    await scenario.applyEmulator('classroom', { storage: { ...storage, retention: { whenDeleted: 'Delete' } } });
    await eventually('the volume is owned by the Emulator', async () => {
      const found = await scenario.cluster.core.readNamespacedPersistentVolumeClaim({
        name: claim,
        namespace: scenario.namespace,
      });
      return found.metadata?.ownerReferences?.some((owner) => owner.kind === 'Emulator');
    });
    await scenario.deleteEmulator('classroom');
    await scenario.interruption();
    await eventually('the volume is gone', async () => (await scenario.claimUid(claim)) === undefined);
  });
});
