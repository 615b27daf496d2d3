import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Scenario } from './support/scenario.ts';
import { eventually } from './support/wait.ts';

describe('an ephemeral machine starts anew each time', () => {
  const scenario = new Scenario('ephemeral');
  const pod = 'throwaway-0';

  beforeAll(() => scenario.open());
  afterAll(() => scenario.close());

  test('it boots without any PVC', async () => {
    await scenario.applyEmulator('throwaway', { storage: { mode: 'Ephemeral' } });
    await scenario.interruption();
    await scenario.ready('throwaway');
    expect(await scenario.bootCount(pod)).toBe(1);
    expect(await scenario.claims()).toEqual([]);
  });

  test.each(['first', 'second'])('after the %s deletion of its pod the boot counter is 1 again', async () => {
    await scenario.replacePod('throwaway', pod);
    expect(await scenario.bootCount(pod)).toBe(1);
    expect(await scenario.claims()).toEqual([]);
  });

  test('after its container was killed the boot counter is 1 again', async (context) => {
    const node = await scenario.cluster.node();
    if (node === undefined) return context.skip('needs access to the node, which this cluster does not give');
    const uid = await scenario.podUid(pod);
    await node.killContainer(scenario.namespace, pod, 'emulator');
    await scenario.interruption();
    await eventually('the container was started again', async () => {
      const found = await scenario.cluster.core.readNamespacedPod({ name: pod, namespace: scenario.namespace });
      return found.status?.containerStatuses?.some((container) => container.restartCount > 0 && container.ready);
    });
    expect(await scenario.podUid(pod)).toBe(uid);
    expect(await scenario.bootCount(pod)).toBe(1);
    expect(await scenario.claims()).toEqual([]);
  });
});
