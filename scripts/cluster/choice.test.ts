import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UserError } from '../console.ts';
import { chooseProvider, readChoice } from './choice.ts';
import { localClustersFolder } from './local/layout.ts';

const docker = async () => true;
const noDocker = async () => false;

test('a given kubeconfig comes first', async () => {
  const choice = readChoice(['up'], { LOCO_KUBECONFIG: '/k' });
  expect(await chooseProvider(choice, docker)).toEqual({ kind: 'given', kubeconfig: '/k' });
});

test('the argument wins over the environment', () => {
  expect(readChoice(['--kubeconfig', '/a', 'up'], { LOCO_KUBECONFIG: '/b' })).toMatchObject({ kubeconfig: '/a' });
});

test('kind is taken where a docker engine answers, else the local cluster', async () => {
  const choice = readChoice([], {});
  expect(await chooseProvider(choice, docker)).toEqual({ kind: 'kind' });
  expect(await chooseProvider(choice, noDocker)).toEqual({ kind: 'local', name: 'loco' });
});

test('a provider that was asked for is taken whatever else there is', async () => {
  const choice = readChoice(['--provider', 'local'], { LOCO_KUBECONFIG: '/k' });
  expect(await chooseProvider(choice, docker)).toEqual({ kind: 'local', name: 'loco' });
});

test.each(['Loco', '-a', 'a_b', 'a'.repeat(31), '../x'])('refuses "%s" as a name', (name) => {
  expect(() => readChoice([], { LOCO_CLUSTER: name })).toThrow(UserError);
});

test('refuses a provider that it does not know', () => {
  expect(() => readChoice(['--provider', 'minikube'], {})).toThrow(/use kind or local.*minikube.*LOCO_KUBECONFIG/);
});

test('a Kubernetes to be built is asked of the local cluster, even where a docker engine answers', async () => {
  const choice = readChoice(['--kubernetes', '1.34', 'up'], {});
  expect(choice).toMatchObject({ kubernetes: '1.34', rest: ['up'] });
  expect(await chooseProvider(choice, docker)).toEqual({ kind: 'local', name: 'loco' });
});

test.each([['1.33'], ['1.36.3'], ['toString']])(
  'refuses to build Kubernetes "%s", naming those that it can',
  (version) => {
    expect(() => readChoice(['--kubernetes', version], {})).toThrow(/use one of 1\.34, 1\.35, 1\.36/);
  },
);

test.each([
  { args: ['--kubernetes', '1.34', '--provider', 'kind'], environment: {} },
  { args: ['--kubernetes', '1.34'], environment: { LOCO_PROVIDER: 'kind' } },
  { args: ['--kubernetes', '1.34'], environment: { LOCO_KUBECONFIG: '/k' } },
])(
  'refuses another Kubernetes for a cluster that is not the local one: $args $environment',
  ({ args, environment }) => {
    expect(() => readChoice(args, environment)).toThrow(/--provider local/);
  },
);

test('runs a docker engine for kind alone, and only when told to', () => {
  expect(readChoice(['--provider', 'kind', '--install-engine'], {}).installEngine).toBe(true);
  expect(readChoice(['--provider', 'kind'], {}).installEngine).toBe(false);
  expect(() => readChoice(['--install-engine'], {})).toThrow(/--provider kind/);
});

test("a local cluster's own kubeconfig means that cluster", async () => {
  const choice = readChoice([], { LOCO_KUBECONFIG: join(localClustersFolder, 'loco-test', 'kubeconfig') });
  expect(await chooseProvider(choice, docker)).toEqual({ kind: 'local', name: 'loco-test' });
});
