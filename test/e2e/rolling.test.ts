import type { V1PodDisruptionBudget } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Machine } from './support/machine.ts';
import { Scenario } from './support/scenario.ts';
import { eventually } from './support/wait.ts';

describe('a rolling update', () => {
  const scenario = new Scenario('rolling');
  const machines = [0, 1].map((ordinal) => new Machine(scenario, 'classroom', ordinal));
  const name = 'classroom';

  beforeAll(async () => {
    await scenario.open();
    await scenario.applyEmulator(name, { replicas: 2, storage: { mode: 'Persistent', size: '1Gi' } });
    await scenario.ready(name);
    for (const machine of machines) await machine.up(1);
  });
  afterAll(() => scenario.close());

  test('can not be crossed by a drain: one machine may be away at a time', async () => {
    const read = () =>
      scenario.cluster.get<V1PodDisruptionBudget>(
        'policy/v1',
        'PodDisruptionBudget',
        scenario.namespace,
        `${name}-machines`,
      );
    await eventually('the budget knows both machines', async () => (await read())?.status?.disruptionsAllowed === 1);
    expect(await read()).toMatchObject({
      spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' },
      status: { expectedPods: 2, currentHealthy: 2 },
    });
  });

  const uids = () => Promise.all(machines.map(({ pod }) => scenario.podUid(pod)));
  async function runningSince({ pod }: Machine): Promise<Date | undefined> {
    const { status } = await scenario.cluster.core.readNamespacedPod({ name: pod, namespace: scenario.namespace });
    return status?.containerStatuses?.find((container) => container.name === 'emulator')?.state?.running?.startedAt;
  }

  test('is not what a changed spec sets off: it says which machines want a restart, and restarts none', async () => {
    const before = await uids();
    await scenario.patch(name, { pod: { annotations: { lesson: 'history' } } });
    const { reason, message } = await scenario.condition(name, 'RestartRequired', 'True');
    expect(reason).toBe('TemplateChanged');
    expect(message).toContain('classroom-0 classroom-1');
    expect(await uids()).toEqual(before);
  });

  test('restarts the machines one after the other, each with a clean shutdown of its guest', async () => {
    const before = await uids();
    await scenario.patch(name, { update: 'Rolling' });
    await scenario.interruption();
    await scenario.condition(name, 'RestartRequired', 'False', undefined, 240_000);
    await scenario.ready(name);
    for (const machine of machines) {
      await machine.up(2);
      expect((await machine.lastStop())?.kind).toBe('Clean');
    }
    expect((await uids()).filter((uid) => before.includes(uid))).toEqual([]);
    // The last machine ran again before the guest of the first was shut down.
    const [first, last] = machines;
    const began = last && (await runningSince(last));
    expect(began).toBeDefined();
    expect(Number(began)).toBeLessThanOrEqual(Date.parse((await first?.lastStop())?.at ?? ''));
    // An operator that is restarted meanwhile may take an event along that it hasn't written yet.
    const told = (await scenario.events(name, 'MachineUpdated')).map((message) => message.split(' ')[0]);
    expect(['classroom-0', 'classroom-1']).toEqual(expect.arrayContaining(told));
  });

  test('is held by a machine that does not come back, and goes on when the spec is put right', async () => {
    const [kept] = await uids();
    await scenario.patch(name, { image: 'registry.invalid/loco/none:1', imagePullPolicy: 'Never' });
    const { message } = await scenario.condition(name, 'RestartRequired', 'True', 'UpdateHeld', 150_000);
    expect(message).toMatch(/^classroom-1 does not come back, so that no other machine is restarted \(classroom-0\)/);
    await scenario.interruption();
    await eventually('a warning tells of it', async () =>
      (await scenario.warnings(name)).some((warning) => warning.startsWith('classroom-1 does not come back')),
    );
    await scenario.patch(name, { image: scenario.images.qemuBuiltin, imagePullPolicy: 'IfNotPresent' });
    await scenario.condition(name, 'RestartRequired', 'False', undefined, 150_000);
    await scenario.ready(name);
    await machines[1]?.up(3);
    expect((await uids())[0]).toBe(kept);
  });
});
