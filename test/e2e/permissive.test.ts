import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Scenario } from './support/scenario.ts';
import { eventually } from './support/wait.ts';

describe('where nothing can provide a disk', () => {
  const scenario = new Scenario('permissive');

  beforeAll(() => scenario.open());
  afterAll(() => scenario.close());

  test('the failure lists what was tried and is shown without a crash loop', async () => {
    await scenario.applyEmulator('empty', { image: scenario.images.qemu, storage: { mode: 'Ephemeral' } });
    await scenario.interruption();
    const condition = await scenario.condition('empty', 'DisksReady', 'False', 'DiskFailed');
    expect(condition.message).toContain('/opt/builtin-images/win98.qcow2.builtin');
    expect(condition.message).toMatch(/snapshot/i);
    expect((await scenario.condition('empty', 'Ready', 'False')).message).toContain('/opt/builtin-images');
    await eventually('the event says it too', async () => (await scenario.events('empty', 'DiskFailed')).length > 0);
    const pod = await scenario.cluster.core.readNamespacedPod({ name: 'empty-0', namespace: scenario.namespace });
    expect(pod.status?.initContainerStatuses?.[0]?.restartCount).toBe(0);
  });
});

describe('one bad resource', () => {
  const scenario = new Scenario('bad');

  beforeAll(() => scenario.open());
  afterAll(() => scenario.close());

  test('says what is wrong with it and stops no other', async () => {
    await scenario.applyEmulator('bad', {
      storage: { mode: 'Ephemeral' },
      pod: { affinity: { nodeAffinity: 'not an object' } },
    });
    const condition = await scenario.condition('bad', 'Ready', 'False');
    expect(condition.message).toMatch(/affinity/i);
    await scenario.applyEmulator('good', { storage: { mode: 'Ephemeral' } });
    await scenario.interruption();
    await scenario.ready('good');
  });
});
