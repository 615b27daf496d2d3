import { beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { chartFolder, helm, render } from '../chart/render.ts';
import { policiesOf } from './policy.ts';
import { type Answer, mayReach, type Party, type Pod, type Port, type World } from './reach.ts';
import { installed, machineOf, outside, pod, podOf, RELEASE_NAMESPACE, tcp, udp } from './world.ts';

const apiServer: Party = outside('10.0.0.10');
const registry: Party = outside('203.0.113.7');
const somewhere: Party = outside('198.51.100.1');
const dns = pod('kube-system', { 'k8s-app': 'kube-dns' });
const machine = machineOf('school', 'win98');
const prometheus = pod('monitoring', { app: 'prometheus' });
const neighbour = pod(RELEASE_NAMESPACE, { app: 'neighbour' });

describe('the operator as the chart installs it', () => {
  let world: World;
  let operator: Pod;
  beforeAll(async () => {
    ({ world, operator } = installed(await render()));
  });

  test.each<[string, Party, Port, Answer]>([
    ['the API server', apiServer, tcp(6443), 'yes'],
    ['a managed API server', apiServer, tcp(443), 'yes'],
    ['names', dns, udp(53), 'yes'],
    ['names over TCP', dns, tcp(53), 'yes'],
    ["a machine's agent in any namespace", machine, tcp(8080), 'yes'],
    ['a registry', registry, tcp(443), 'yes'],
    ["a machine's screen", machine, tcp(5901), 'no'],
    ["the agents' port of other pods", neighbour, tcp(8080), 'no'],
    [
      'a pod that only calls itself an Emulator',
      pod('school', { 'app.kubernetes.io/name': 'loco-emulator' }),
      tcp(8080),
      'no',
    ],
    [
      'a pod that only has a manager',
      pod('school', { 'app.kubernetes.io/managed-by': 'loco-operator' }),
      tcp(8080),
      'no',
    ],
    ['a web server without encryption', somewhere, tcp(80), 'no'],
    ['a database', neighbour, tcp(5432), 'no'],
    ["the cloud's metadata", outside('169.254.169.254'), tcp(80), 'no'],
  ])('may it reach %s?', (_, to, port, answer) => {
    expect(mayReach(world, operator, to, port)).toBe(answer);
  });

  test.each<[string, Party, Port, Answer]>([
    ['Prometheus, its metrics', prometheus, tcp(8081), 'yes'],
    ['its own node, for probes', { kind: 'own node' }, tcp(8081), 'yes'],
    ['Prometheus, any other port', prometheus, tcp(9229), 'no'],
    ['who is no pod, its metrics', somewhere, tcp(8081), 'no'],
    ['a machine, any other port', machine, tcp(8080), 'no'],
  ])('who may reach it? %s', (_, from, port, answer) => {
    expect(mayReach(world, from, operator, port)).toBe(answer);
  });

  test('its policy is about no other pod', () => {
    for (const [from, to] of [
      [neighbour, machine],
      [machine, somewhere],
      [prometheus, neighbour],
    ] as const) {
      expect(mayReach(world, from, to, tcp(80))).toBe('yes');
    }
  });
});

describe('the operator of an administrator who knows the network', () => {
  let world: World;
  let operator: Pod;
  beforeAll(async () => {
    ({ world, operator } = installed(
      await render(
        'operator.networkPolicy.apiServer={"cidrs": ["10.0.0.10/32"], "ports": [6443]}',
        'operator.networkPolicy.dns.to=[{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}]',
        'operator.networkPolicy.registries={"cidrs": ["203.0.113.0/24"], "ports": [443]}',
        'operator.networkPolicy.metricsFrom=[{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]',
      ),
    ));
  });

  test.each<[string, Party, Port, Answer]>([
    ['the API server', apiServer, tcp(6443), 'yes'],
    ['the names of the cluster', dns, udp(53), 'yes'],
    ['the registry', registry, tcp(443), 'yes'],
    ["a machine's agent", machine, tcp(8080), 'yes'],
    ['the API server at another port', apiServer, tcp(443), 'no'],
    ['another host at its port', somewhere, tcp(6443), 'no'],
    ['names elsewhere', somewhere, udp(53), 'no'],
    ['names from a neighbour', neighbour, udp(53), 'no'],
    ['another registry', somewhere, tcp(443), 'no'],
    ['a neighbour with encryption', neighbour, tcp(443), 'no'],
  ])('may it reach %s?', (_, to, port, answer) => {
    expect(mayReach(world, operator, to, port)).toBe(answer);
  });

  test('shows its metrics to Prometheus alone', () => {
    expect(mayReach(world, prometheus, operator, tcp(8081))).toBe('yes');
    expect(mayReach(world, neighbour, operator, tcp(8081))).toBe('no');
  });
});

describe('the Job that applies CRDs before an upgrade', () => {
  let world: World;
  let job: Pod;
  beforeAll(async () => {
    const rendered = await helm('template', 'loco', chartFolder, '--namespace', RELEASE_NAMESPACE, '--is-upgrade');
    const manifests = parseAllDocuments(rendered.stdout).map((document): unknown => document.toJS());
    world = { policies: policiesOf(manifests) };
    job = podOf(manifests.find((manifest) => (manifest as { kind?: string } | null)?.kind === 'Job'));
  });

  test.each<[string, Party, Port, Answer]>([
    ['the API server', apiServer, tcp(6443), 'yes'],
    ['names', dns, udp(53), 'no'],
    ["a machine's agent", machine, tcp(8080), 'no'],
    ['a web server without encryption', somewhere, tcp(80), 'no'],
  ])('may it reach %s?', (_, to, port, answer) => {
    expect(mayReach(world, job, to, port)).toBe(answer);
  });

  test('is reached by nobody', () => {
    expect(mayReach(world, prometheus, job, tcp(8081))).toBe('no');
    expect(mayReach(world, neighbour, job, tcp(80))).toBe('no');
  });
});
