import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { childNames } from '../../src/operator/emulator/names.ts';
import { operatorRequests } from './support/audit-log.ts';
import { Scenario } from './support/scenario.ts';
import { eventually } from './support/wait.ts';

const { environment } = new Scenario('rights').cluster;
const scenario = new Scenario('rights');
const { cluster, namespace } = scenario;

beforeAll(() => scenario.open());
afterAll(() => scenario.close());

/** Stopped: what is to be seen needs no machine. Of two machines, so that there is a budget for them. */
const stopped = { powerState: 'Stopped', replicas: 2, storage: { mode: 'Persistent', size: '1Gi' } };

const kubectl = (...args: readonly string[]) => cluster.kubectl(['-n', namespace, ...args]);

describe.skipIf(environment.auditLog === undefined)('the rights of the operator', () => {
  test('suffice to bring a machine up, and it reads secrets only by name', async () => {
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

describe("what somebody else does to an Emulator's objects", () => {
  test.each([
    { kind: 'Service', name: childNames.service('meddled'), patch: { spec: { publishNotReadyAddresses: false } } },
    { kind: 'ConfigMap', name: childNames.plan('meddled'), patch: { data: { 'plan.json': '{}' } } },
    {
      kind: 'StatefulSet',
      name: childNames.statefulSet('meddled'),
      patch: { spec: { template: { spec: { terminationGracePeriodSeconds: 1 } } } },
    },
    { kind: 'NetworkPolicy', name: childNames.networkPolicy('meddled'), patch: { spec: { ingress: [{}] } } },
    {
      kind: 'PodDisruptionBudget',
      name: childNames.podDisruptionBudget('meddled'),
      patch: { spec: { maxUnavailable: 2 } },
    },
  ])('is put right: $kind', async ({ kind, name, patch }) => {
    await scenario.applyEmulator('meddled', stopped);
    await scenario.stopped('meddled');
    const content = async () => {
      const found = JSON.parse((await kubectl('get', kind, name, '-o', 'json')).stdout) as Record<string, unknown>;
      return { spec: found['spec'], data: found['data'] };
    };
    const before = await content();
    const args = ['patch', kind, name, '--type=merge', '-p', JSON.stringify(patch), '-o', 'json'];
    const meddled = JSON.parse((await kubectl(...args)).stdout) as Record<string, unknown>;
    expect({ spec: meddled['spec'], data: meddled['data'] }).not.toEqual(before);
    const isRight = async () => JSON.stringify(await content()) === JSON.stringify(before);
    await eventually(`${kind} ${name} is as it was`, isRight, 90_000, () => scenario.explain('meddled'));
  });
});

describe("an object that has the name of an Emulator's own and is somebody else's", () => {
  const selector = { matchLabels: { app: 'theirs' } };
  const template = {
    metadata: { labels: selector.matchLabels },
    spec: { containers: [{ name: 'theirs', image: 'registry.example.com/theirs:1' }] },
  };

  // Side by side: that somebody's object is gone is seen at the next look, half a minute later.
  test.concurrent.each([
    { kind: 'Service', nameOf: childNames.service, apiVersion: 'v1', rest: { spec: { ports: [{ port: 80 }] } } },
    { kind: 'ConfigMap', nameOf: childNames.plan, apiVersion: 'v1', rest: { data: { theirs: 'yes' } } },
    {
      kind: 'NetworkPolicy',
      nameOf: childNames.networkPolicy,
      apiVersion: 'networking.k8s.io/v1',
      rest: { spec: { podSelector: selector } },
    },
    {
      kind: 'PodDisruptionBudget',
      nameOf: childNames.podDisruptionBudget,
      apiVersion: 'policy/v1',
      rest: { spec: { selector } },
    },
    {
      kind: 'StatefulSet',
      nameOf: childNames.statefulSet,
      apiVersion: 'apps/v1',
      rest: { spec: { serviceName: 'theirs', replicas: 0, selector, template } },
    },
  ])('is left alone, and said to be in the way: $kind', async ({ kind, nameOf, apiVersion, rest }) => {
    const emulator = `their-${kind.toLowerCase()}`;
    const name = nameOf(emulator);
    await cluster.apply({ apiVersion, kind, metadata: { name, namespace }, ...rest });
    const uid = async () =>
      (await kubectl('get', kind, name, '-o', 'jsonpath={.metadata.uid} {.metadata.generation}')).stdout;
    const before = await uid();
    await scenario.applyEmulator(emulator, stopped);
    const { message } = await scenario.condition(emulator, 'Ready', 'False', 'NameTaken');
    expect(message).toContain(`${kind} ${name}`);
    expect(await uid()).toBe(before);
    await kubectl('delete', kind, name);
    await scenario.stopped(emulator);
  });
});
