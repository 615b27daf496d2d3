import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Entry, operatorRequests } from '../support/audit-log.ts';
import { Scenario } from '../support/scenario.ts';
import { eventually } from '../support/wait.ts';
import { beyond, readBudget, readsIn, withSteps, writesIn } from '../support/write-budget.ts';

const environment = new Scenario('api-writes').cluster.environment;

describe.skipIf(environment.auditLog === undefined)('what the operator asks of the API server', () => {
  const scenario = new Scenario('api-writes');
  const begin = new Date();

  beforeAll(() => scenario.open());
  afterAll(() => scenario.close());

  const others = (requests: readonly Entry[]): Entry[] =>
    requests.filter(
      ({ objectRef, verb }) => objectRef?.resource !== 'leases' && !['get', 'list', 'watch'].includes(verb),
    );

  test.each(['Persistent', 'Ephemeral'])(
    'a %s Emulator costs no more writes than are written down, and no read',
    async (mode) => {
      const from = new Date();
      const before = writesIn(scenario.namespace, await operatorRequests(environment, begin));
      await scenario.applyEmulator(mode.toLowerCase(), {
        storage: { mode, ...(mode === 'Persistent' ? { size: '1Gi' } : {}) },
      });
      await scenario.ready(mode.toLowerCase());
      const seconds = (Date.now() - from.getTime()) / 1000;
      const counts = async () => {
        const now = writesIn(scenario.namespace, await operatorRequests(environment, begin));
        return Object.fromEntries(Object.entries(now).map(([kind, count]) => [kind, count - (before[kind] ?? 0)]));
      };
      await eventually('both events are written', async () => ((await counts())['events'] ?? 0) >= 2);
      const writes = await counts();
      expect(beyond(withSteps(await readBudget(mode), seconds), writes), JSON.stringify(writes)).toEqual({});
      expect(readsIn(scenario.namespace, await operatorRequests(environment, from))).toEqual([]);
    },
  );

  test('a restart of the operator with everything Ready writes nothing, and no event', async () => {
    const from = new Date();
    await scenario.cluster.restartOperator();
    const since = new Date();
    await eventually('the new operator has renewed its Lease a few times', async () => {
      const requests = await operatorRequests(environment, since);
      return requests.filter(({ objectRef }) => objectRef?.resource === 'leases').length >= 5;
    });
    expect(others(await operatorRequests(environment, from))).toEqual([]);
  });
});
