import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Scenario } from './support/scenario.ts';
import { eventually } from './support/wait.ts';

describe('three replicas are three machines', () => {
  const scenario = new Scenario('replicas');
  const pods = ['room-0', 'room-1', 'room-2'];
  const claims = ['win98-disk-room-0', 'win98-disk-room-1', 'win98-disk-room-2'];

  beforeAll(() => scenario.open());
  afterAll(() => scenario.close());

  async function scale(replicas: number): Promise<void> {
    await scenario.cluster.kubectl(['-n', scenario.namespace, 'scale', 'emu', 'room', `--replicas=${replicas}`]);
  }

  test('`kubectl scale` up from one: each has its own PVC, its own boot counter and its own MAC address', async () => {
    await scenario.applyEmulator('room', { storage: { mode: 'Persistent', size: '1Gi' } });
    await scenario.ready('room');
    expect(await scenario.bootCount('room-0')).toBe(1);
    await scale(3);
    await scenario.interruption();
    await scenario.ready('room', 240_000);
    expect(await scenario.claims()).toEqual(claims);
    expect(await Promise.all(pods.map((pod) => scenario.bootCount(pod)))).toEqual([1, 1, 1]);
    const addresses = await Promise.all(
      pods.map(async (pod) => (await scenario.guestLine(pod, /LOCO-GUEST mac=(\S+)/g))[1]),
    );
    expect(new Set(addresses).size).toBe(3);
    await scenario.replacePod('room', 'room-1');
    expect(await Promise.all(pods.map((pod) => scenario.bootCount(pod)))).toEqual([1, 2, 1]);
    expect((await scenario.guestLine('room-1', /LOCO-GUEST mac=(\S+)/g))[1]).toBe(addresses[1]);
  });

  test('`kubectl scale` down keeps the disks, and up uses them again', async () => {
    const kept = await scenario.claimUid('win98-disk-room-2');
    await scale(1);
    await eventually(
      'one machine is left',
      async () => (await scenario.podUid('room-1')) === undefined && (await scenario.podUid('room-2')) === undefined,
    );
    await scenario.interruption();
    await scenario.ready('room');
    expect(await scenario.claims()).toEqual(claims);
    await scale(3);
    await eventually(
      'three machines are ready',
      async () => (await scenario.emulator('room')).status?.readyReplicas === 3,
      240_000,
    );
    expect(await scenario.claimUid('win98-disk-room-2')).toBe(kept);
    expect(await Promise.all(pods.map((pod) => scenario.bootCount(pod)))).toEqual([1, 3, 2]);
  });

  test('with whenScaled: Delete a scale-down deletes the volumes of the machines that went, and no other', async () => {
    await scenario.cluster.kubectl([
      '-n',
      scenario.namespace,
      'patch',
      'emu',
      'room',
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { storage: { retention: { whenScaled: 'Delete' } } } }),
    ]);
    await scenario.ready('room');
    await scale(2);
    await scenario.interruption();
    await eventually('the third volume is gone', async () => (await scenario.claims()).length === 2);
    expect(await scenario.claims()).toEqual(claims.slice(0, 2));
  });
});
