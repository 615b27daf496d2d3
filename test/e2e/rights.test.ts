import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operatorRequests } from './support/audit-log.ts';
import { Scenario } from './support/scenario.ts';

const environment = new Scenario('rights').cluster.environment;

describe.skipIf(environment.auditLog === undefined)('the rights of the operator', () => {
  const scenario = new Scenario('rights');

  beforeAll(() => scenario.open());
  afterAll(() => scenario.close());

  test('suffice for all that it asks, and it reads secrets only by name', async () => {
    const start = new Date();
    await scenario.applyEmulator('watched', { storage: { mode: 'Persistent', size: '1Gi' } });
    await scenario.interruption();
    await scenario.ready('watched');
    const all = await operatorRequests(environment, start);
    expect(all.length).toBeGreaterThan(0);
    // The decision of RBAC, not the code: a namespace that is being deleted answers 403 too.
    expect(all.filter((entry) => entry.annotations?.['authorization.k8s.io/decision'] !== 'allow')).toEqual([]);
    const secrets = all.filter((entry) => entry.objectRef?.resource === 'secrets').map((entry) => entry.verb);
    expect(new Set(secrets).difference(new Set(['get', 'create']))).toEqual(new Set());
  });
});
