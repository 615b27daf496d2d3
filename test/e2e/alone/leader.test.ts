import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Machine } from '../support/machine.ts';
import { Scenario } from '../support/scenario.ts';
import { eventually } from '../support/wait.ts';

describe('of two operators', () => {
  const scenario = new Scenario('leader');
  const { operator } = scenario.cluster;
  const kept = new Machine(scenario, 'kept');

  beforeAll(() => scenario.open());
  afterAll(() => scenario.close());

  /** Names of the operator's pods that are ready. */
  async function readyPods(): Promise<string[]> {
    const pods = await operator.pods();
    const ready = pods.filter(({ status }) => status?.containerStatuses?.every((container) => container.ready));
    return ready.map(({ metadata }) => metadata?.name ?? '');
  }

  test('one leads, and the other is ready to', async () => {
    await eventually('both are ready', async () => (await readyPods()).length === 2);
    const leader = (await operator.leads()).metadata?.name;
    await eventually('so is the one that leads', async () => (await readyPods()).includes(leader ?? ''));
  });

  test('the other goes on when the leader is killed, and no machine notices', async (context) => {
    const node = await scenario.cluster.node();
    if (node === undefined) return context.skip('needs access to the node, which this cluster does not give');
    await scenario.applyEmulator('kept', { storage: { mode: 'Persistent', size: '1Gi' } });
    const { status } = await scenario.ready('kept');
    await kept.up(1);
    const pod = await scenario.podUid('kept-0');
    const events = await scenario.eventCounts();
    const killed = (await operator.leads()).metadata?.name ?? '';
    const holder = await operator.leader();
    const standby = await eventually('the other is ready', async () =>
      (await readyPods()).find((name) => name !== killed),
    );
    // Stopped first, as with its node: killed alone, it would be started again at once and go on where it was.
    await node.stopContainer(operator.namespace, killed, 'operator');
    const leader = await operator.leads((now) => now !== holder);
    expect(leader.metadata?.name).toBe(standby);
    await node.killContainer(operator.namespace, killed, 'operator');
    expect((await scenario.emulator('kept')).status).toEqual(status);
    await scenario.cluster.kubectl(['-n', scenario.namespace, 'scale', 'emu', 'kept', '--replicas=2']);
    await scenario.ready('kept');
    expect(await scenario.bootCount('kept-1')).toBe(1);
    expect(await scenario.podUid('kept-0')).toBe(pod);
    expect([await kept.restarts(), await kept.boots()]).toEqual([0, 1]);
    // What was told of the first machine isn't told again.
    expect(await scenario.eventCounts()).toMatchObject(events);
    await eventually('two are ready again', async () => (await readyPods()).length === 2);
  });

  test('what happens again counts the event up that told of it', async () => {
    const again = new Machine(scenario, 'kept', 1);
    const told = async () => (await scenario.eventCounts())['kept MachineReady: kept-1 is ready'];
    await eventually('it is told that the machine is ready', async () => (await told()) === 1);
    await again.deletePod();
    await eventually(
      'it is counted',
      async () => (await told()) === 2,
      240_000,
      () => scenario.explain('kept'),
    );
  });
});
