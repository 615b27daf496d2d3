import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Scenario } from '../support/scenario.ts';
import { eventually, throughout } from '../support/wait.ts';

describe('when the operator is killed', () => {
  const scenario = new Scenario('operator-crash');

  beforeAll(() => scenario.open());
  afterAll(() => scenario.close());

  test('the next one says of the machines what was said before, tells nothing twice, and goes on working', async (context) => {
    const node = await scenario.cluster.node();
    if (node === undefined) return context.skip('needs access to the node, which this cluster does not give');
    await scenario.applyEmulator('kept', { storage: { mode: 'Persistent', size: '1Gi' } });
    await scenario.applyEmulator('thrown', { storage: { mode: 'Ephemeral' } });
    const kept = (await scenario.ready('kept')).status;
    const thrown = (await scenario.ready('thrown')).status;
    // Events are written in the background: of each machine that its disk is there, and that it is ready.
    await eventually('all is told', async () => Object.keys(await scenario.eventCounts()).length >= 4);
    const eventsBefore = await scenario.eventCounts();
    await scenario.cluster.operator.killLeader(node);
    await throughout(10_000, async () => {
      expect((await scenario.emulator('kept')).status).toEqual(kept);
      expect((await scenario.emulator('thrown')).status).toEqual(thrown);
    });
    expect(await scenario.eventCounts()).toEqual(eventsBefore);
    await scenario.cluster.kubectl(['-n', scenario.namespace, 'scale', 'emu', 'kept', '--replicas=2']);
    await scenario.ready('kept');
    expect(await scenario.bootCount('kept-1')).toBe(1);
  });
});
