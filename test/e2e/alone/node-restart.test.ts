import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Scenario } from '../support/scenario.ts';

describe('while kubelet and containerd are restarted', () => {
  const scenario = new Scenario('node-restart');

  beforeAll(() => scenario.open());
  afterAll(() => scenario.close());

  test('a machine goes on', async (context) => {
    const node = await scenario.cluster.node();
    if (node === undefined) return context.skip('needs access to the node, which this cluster does not give');
    await scenario.applyEmulator('classroom', { storage: { mode: 'Persistent', size: '1Gi' } });
    await scenario.ready('classroom');
    expect(await scenario.bootCount('classroom-0')).toBe(1);
    const before = await scenario.podUid('classroom-0');
    await node.restartKubelet();
    await node.restartContainerd();
    await scenario.interruption();
    await scenario.podReady('classroom', 'classroom-0');
    expect(await scenario.podUid('classroom-0')).toBe(before);
    expect(await scenario.bootCount('classroom-0')).toBe(1);
    const pod = await scenario.cluster.core.readNamespacedPod({ name: 'classroom-0', namespace: scenario.namespace });
    expect(pod.status?.containerStatuses?.map(({ restartCount }) => restartCount)).toEqual([0]);
    // The disk goes on too: what the guest counts after a clean stop is its second boot.
    await scenario.replacePod('classroom', 'classroom-0');
    expect(await scenario.bootCount('classroom-0')).toBe(2);
  });
});
