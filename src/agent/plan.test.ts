import { describe, expect, test } from 'vitest';
import { parsePlan, planFromVariables, readPlan } from './plan.ts';

describe('a container that runs alone', () => {
  test('takes the built-in disk or waits for an import', () => {
    expect(planFromVariables({})).toMatchObject({ ok: true, value: { mode: 'Persistent', source: 'Auto' } });
  });

  test('takes the snapshot that it is told of', () => {
    const variables = {
      USE_PREBUILT_SNAPSHOT: 'true',
      SNAPSHOT_REGISTRY: 'ghcr.io/mroie/qemu-snapshots',
      SNAPSHOT_TAG: 'win98-base',
    };
    expect(planFromVariables(variables)).toMatchObject({
      ok: true,
      value: { mode: 'Hybrid', snapshot: { reference: 'ghcr.io/mroie/qemu-snapshots:win98-base', plainHTTP: false } },
    });
  });

  test('says what is missing', () => {
    const plan = planFromVariables({ USE_PREBUILT_SNAPSHOT: 'true' });
    expect(plan).toMatchObject({ ok: false, failure: { reason: 'EnvironmentInvalid' } });
    if (!plan.ok) expect(plan.failure.message).toContain('SNAPSHOT_TAG');
  });
});

test('a plan that is missing is made from the environment by an image that runs alone, and by no other', async () => {
  const missing = '/nowhere/plan.json';
  expect(await readPlan(missing, {})).toMatchObject({ ok: true });
  expect(await readPlan(missing, { KUBERNETES_SERVICE_HOST: '10.96.0.1' })).toMatchObject({
    ok: false,
    failure: { reason: 'PlanUnreadable', message: expect.stringContaining(missing) },
  });
});

test.each(['', '{', '{}', '{"schemaVersion":2}'])('a plan that is %j is refused, not guessed', (text) => {
  expect(parsePlan(text)).toMatchObject({ ok: false, failure: { reason: 'PlanInvalid' } });
});
