import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { emulatorSpecSchema } from '../../src/api/emulator/schema.ts';
import { renderNetworkPolicy } from '../../src/operator/emulator/render/network-policy.ts';
import { readSettings } from '../../src/operator/settings.ts';
import { type Manifest, only, render } from '../chart/render.ts';
import { policiesOf } from './policy.ts';
import { type Answer, mayReach, type Party, type World } from './reach.ts';
import { installed, machineOf, outside, pod, RELEASE_NAMESPACE, tcp, udp } from './world.ts';

const containerSchema = z.looseObject({
  env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })),
});
const deploymentSchema = z.looseObject({
  spec: z.looseObject({
    template: z.looseObject({ spec: z.looseObject({ containers: z.array(containerSchema).length(1) }) }),
  }),
});

const AGENT = tcp(8080);
const SCREENS = [tcp(5901), tcp(5701)];

const machine = machineOf('school', 'classroom');
const pupil = pod('school', { app: 'viewer' });
const stranger = pod('elsewhere', { app: 'viewer' });
const world98 = outside('198.51.100.1');

let chart: Manifest[];
beforeAll(async () => {
  chart = await render();
});

/** What the operator takes its own pods for, from the environment that the chart gives it. */
function operatorPods() {
  const [container] = deploymentSchema.parse(only(chart, 'Deployment')).spec.template.spec.containers;
  const env = (container?.env ?? []).flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]]));
  return readSettings({ ...Object.fromEntries(env), POD_NAMESPACE: RELEASE_NAMESPACE }, 'host').operatorPods;
}

/** The chart's policies and those of the Emulator `classroom` in the namespace `school`. */
function withEmulator(display: object = {}): World {
  const owner = { name: 'classroom', namespace: 'school', uid: '1' };
  const spec = emulatorSpecSchema.parse({ storage: { mode: 'Ephemeral' }, display });
  const policy: unknown = JSON.parse(JSON.stringify(renderNetworkPolicy(owner, spec, operatorPods())));
  const namespaces = { school: { staff: 'teachers' }, office: { staff: 'teachers' } };
  return { policies: [...installed(chart).world.policies, ...policiesOf([policy])], namespaces };
}

describe('a machine', () => {
  test("is asked by its operator, whose own policy and the machine's both let it", () => {
    expect(mayReach(withEmulator(), installed(chart).operator, machine, AGENT)).toBe('yes');
  });

  test.each<[string, Party]>([
    ['pods of its own namespace', pupil],
    ['other machines', machineOf('school', 'other')],
    ['pods of another namespace', stranger],
    ['an operator of another release', pod(RELEASE_NAMESPACE, { 'app.kubernetes.io/name': 'loco-operator' })],
    [
      'a pod elsewhere with the labels of the operator',
      pod('elsewhere', { 'app.kubernetes.io/name': 'loco-operator', 'app.kubernetes.io/instance': 'loco' }),
    ],
    ['Prometheus', pod('monitoring', { app: 'prometheus' })],
    ['who is no pod', world98],
  ])('is not asked for its state by %s', (_, from) => {
    expect(mayReach(withEmulator(), from, machine, AGENT)).toBe('no');
  });

  test.each<[string, object, { from: Party; answer: Answer }[]]>([
    [
      'as it is by default',
      {},
      [
        { from: pupil, answer: 'yes' },
        { from: machineOf('school', 'other'), answer: 'yes' },
        { from: stranger, answer: 'no' },
        { from: world98, answer: 'no' },
      ],
    ],
    [
      'from nowhere',
      { access: [] },
      [
        { from: pupil, answer: 'no' },
        { from: stranger, answer: 'no' },
        { from: world98, answer: 'no' },
      ],
    ],
    [
      'from namespaces by their labels',
      { access: [{ namespaceSelector: { matchLabels: { staff: 'teachers' } } }] },
      [
        { from: pod('office', { app: 'viewer' }), answer: 'yes' },
        { from: pupil, answer: 'yes' },
        { from: stranger, answer: 'no' },
      ],
    ],
    [
      'from some pods of a namespace',
      {
        access: [
          {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'elsewhere' } },
            podSelector: { matchLabels: { app: 'viewer' } },
          },
        ],
      },
      [
        { from: stranger, answer: 'yes' },
        { from: pod('elsewhere', { app: 'other' }), answer: 'no' },
        { from: pupil, answer: 'no' },
      ],
    ],
    [
      'from a network, but for a part of it',
      { access: [{ ipBlock: { cidr: '198.51.100.0/24', except: ['198.51.100.128/25'] } }] },
      [
        { from: world98, answer: 'yes' },
        { from: outside('198.51.100.200'), answer: 'no' },
        { from: pupil, answer: 'no' },
      ],
    ],
  ])('shows its screen %s', (_, display, expected) => {
    for (const { from, answer } of expected) {
      for (const screen of SCREENS) expect(mayReach(withEmulator(display), from, machine, screen)).toBe(answer);
    }
  });

  test('shows its screen to kubectl port-forward and its state to probes, whatever is said', () => {
    for (const port of [...SCREENS, AGENT]) {
      expect(mayReach(withEmulator({ access: [] }), { kind: 'own node' }, machine, port)).toBe('yes');
    }
  });

  test('is reached at no other port', () => {
    for (const from of [pupil, stranger, world98, installed(chart).operator]) {
      expect(mayReach(withEmulator(), from, machine, tcp(22))).toBe('no');
      expect(mayReach(withEmulator(), from, machine, udp(5901))).toBe('no');
    }
  });

  test('reaches what it needs to get its disk', () => {
    expect(mayReach(withEmulator(), machine, pod('kube-system', { 'k8s-app': 'kube-dns' }), udp(53))).toBe('yes');
    expect(mayReach(withEmulator(), machine, outside('203.0.113.7'), tcp(443))).toBe('yes');
  });

  test('of another Emulator is not meant', () => {
    expect(mayReach(withEmulator({ access: [] }), stranger, machineOf('school', 'other'), tcp(5901))).toBe('yes');
    expect(mayReach(withEmulator({ access: [] }), stranger, machineOf('office', 'classroom'), tcp(5901))).toBe('yes');
  });
});
