import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operatorRequests } from '../support/audit-log.ts';
import { Scenario } from '../support/scenario.ts';
import { eventually } from '../support/wait.ts';

const environment = new Scenario('at-rest').cluster.environment;

describe.skipIf(environment.auditLog === undefined)('while nothing changes', () => {
  const scenario = new Scenario('at-rest');

  beforeAll(() => scenario.open());
  afterAll(() => scenario.close());

  test('the operator asks the API server for nothing but its Lease', async () => {
    await scenario.applyEmulator('persistent', { storage: { mode: 'Persistent', size: '1Gi' } });
    await scenario.applyEmulator('ephemeral', { storage: { mode: 'Ephemeral' } });
    await scenario.ready('persistent');
    await scenario.ready('ephemeral');
    const quiet = 15_000;
    const recent = () => operatorRequests(environment, new Date(Date.now() - quiet));
    await eventually(
      `for ${quiet / 1000} s a working operator has done nothing but renew its Lease`,
      async () => {
        const requests = await recent();
        const renewals = requests.filter(({ objectRef }) => objectRef?.resource === 'leases');
        // A watch that ends and begins again reads nothing: it goes on where it was.
        const others = requests.filter(({ objectRef, verb }) => objectRef?.resource !== 'leases' && verb !== 'watch');
        return renewals.length >= 3 && others.length === 0;
      },
      90_000,
      async () => JSON.stringify((await recent()).slice(0, 20), null, 1),
    );
    const log = await scenario.cluster.operatorLog();
    const from = new Date();
    await eventually(
      'a few renewals later',
      async () => (await operatorRequests(environment, from)).length >= 5,
      60_000,
    );
    expect((await scenario.cluster.operatorLog()).slice(log.length), 'a quiet operator logs nothing').toBe('');
    expect((await scenario.emulator('persistent')).status?.readyReplicas).toBe(1);
  });
});
