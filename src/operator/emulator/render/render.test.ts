import { describe, expect, test } from 'vitest';
import { machineSettingsSchema } from '../../../contract/machine-settings.ts';
import { emulator, IMAGE, INSTALLATION } from '../observed.fixture.ts';
import { renderAgentSecret } from './agent-secret.ts';
import { renderNetworkPolicy } from './network-policy.ts';
import { diskPlan, planText, renderPlanConfigMap } from './plan-config-map.ts';
import { needsBudget, renderPodDisruptionBudget } from './pod-disruption-budget.ts';
import { tooSmallMemoryLimit } from './pod-template.ts';
import { renderService } from './service.ts';
import { renderStatefulSet } from './stateful-set.ts';
import { renderVncSecret } from './vnc-secret.ts';

const owner = { name: 'classroom', namespace: 'school', uid: 'emulator-uid' };
const counting = (size: number): Buffer => Buffer.from(Array.from({ length: size }, (_, index) => 240 + (index % 16)));

function statefulSet(spec: object) {
  return renderStatefulSet({ owner, spec: emulator(spec).spec, defaultImage: IMAGE, scaleMark: 1 });
}

const hybrid = {
  storage: { mode: 'Hybrid' },
  disk: {
    snapshot: {
      reference: 'registry.test/win98:base',
      pullSecretRef: { name: 'login' },
      registry: { caBundleRef: { name: 'my-ca', key: 'bundle.pem' } },
    },
  },
};

test('the StatefulSet of a Persistent Emulator', () => {
  expect(statefulSet({ storage: { mode: 'Persistent', storageClassName: 'fast' } })).toMatchSnapshot();
});

test('the StatefulSet of a Hybrid Emulator mounts credentials and authority of the registry', () => {
  expect(statefulSet(hybrid).spec?.template.spec?.volumes).toMatchSnapshot();
  expect(statefulSet(hybrid).spec?.template.spec?.containers[0]?.volumeMounts).toMatchSnapshot();
});

test('the Service, the plan and the Secrets', () => {
  const { spec } = emulator(hybrid);
  const plan = diskPlan(spec, { digest: `sha256:${'a'.repeat(64)}` });
  expect(renderService(owner)).toMatchSnapshot();
  expect(renderPlanConfigMap(owner, plan, new Date(0))).toMatchSnapshot();
  expect(renderAgentSecret(owner, (size) => Buffer.alloc(size, 7))).toMatchSnapshot();
  expect(renderVncSecret(owner, (size) => Buffer.alloc(size, 7))).toMatchSnapshot();
});

test('an Ephemeral machine has an emptyDir with a computed limit and no claim', () => {
  const rendered = statefulSet({ storage: { mode: 'Ephemeral', size: '1Gi' } });
  expect(rendered.spec?.volumeClaimTemplates).toBeUndefined();
  expect(rendered.spec?.template.spec?.volumes?.[0]).toEqual({ name: 'win98-disk', emptyDir: { sizeLimit: '2253Mi' } });
});

test('the plan of an Ephemeral machine has its volume’s limit, and no other plan has', () => {
  const limit = (storage: object) => diskPlan(emulator({ storage }).spec, {}).volumeLimitBytes;
  expect(limit({ mode: 'Ephemeral', size: '100Mi' })).toBe(220 * 2 ** 20);
  expect(limit({ mode: 'Persistent', size: '100Mi' })).toBeUndefined();
});

test('an existing claim is mounted by its name and there is no claim template', () => {
  const rendered = statefulSet({ storage: { mode: 'Persistent', existingClaim: { name: 'my-disk' } } });
  expect(rendered.spec?.volumeClaimTemplates).toBeUndefined();
  expect(rendered.spec?.template.spec?.volumes?.[0]?.persistentVolumeClaim).toEqual({ claimName: 'my-disk' });
});

test('Stopped means no pods, and changes nothing in the pod template', () => {
  const stopped = statefulSet({ replicas: 3, powerState: 'Stopped' });
  expect(stopped.spec?.replicas).toBe(0);
  expect(stopped.spec?.template).toEqual(statefulSet({ replicas: 3 }).spec?.template);
});

test('changing between Persistent and Hybrid, or pinning a digest, changes no pod template', () => {
  const same = { disk: hybrid.disk };
  const persistent = statefulSet({ ...same, storage: { mode: 'Persistent' } });
  expect(persistent.spec).toEqual(statefulSet({ ...same, storage: { mode: 'Hybrid' } }).spec);
});

test('the claim template keeps the size it was made with: a StatefulSet refuses another', () => {
  const { spec } = emulator({ storage: { mode: 'Persistent', size: '8Gi' } });
  const rendered = renderStatefulSet({ owner, spec, defaultImage: IMAGE, scaleMark: 1, templateSize: '4Gi' });
  expect(rendered.spec?.volumeClaimTemplates?.[0]?.spec?.resources?.requests).toEqual({ storage: '4Gi' });
});

test('a claim asks for whole bytes: of a fraction the API server would make thousandths', () => {
  const rendered = statefulSet({ storage: { mode: 'Persistent', size: '1.1Gi' } });
  expect(rendered.spec?.volumeClaimTemplates?.[0]?.spec?.resources?.requests).toEqual({ storage: '1181116007' });
});

test('memory is guest, translation buffer and overhead, request equal to limit', () => {
  const container = statefulSet({ machine: { memory: '64Mi' } }).spec?.template.spec?.containers[0];
  expect(container?.resources).toEqual({ requests: { cpu: '100m', memory: '448Mi' }, limits: { memory: '448Mi' } });
});

test('a larger memory limit of the user counts, a smaller one is told of', () => {
  const given = (memory: string) => ({ pod: { resources: { limits: { memory, cpu: '2' } } } });
  expect(statefulSet(given('2Gi')).spec?.template.spec?.containers[0]?.resources).toEqual({
    requests: { memory: '2Gi' },
    limits: { cpu: '2', memory: '2Gi' },
  });
  expect(tooSmallMemoryLimit(emulator(given('2Gi')).spec)).toBeUndefined();
  expect(tooSmallMemoryLimit(emulator(given('512Mi')).spec)).toBe(512 * 2 ** 20);
});

test('the KVM device is asked for by the name that the device plugin gives it', () => {
  const machine = { acceleration: 'KVM', kvmResourceName: 'devices.kubevirt.io/kvm' };
  const { resources } = statefulSet({ machine }).spec?.template.spec?.containers[0] ?? {};
  expect(resources?.limits?.['devices.kubevirt.io/kvm']).toBe('1');
});

test('labels of the user never replace those that select the pods', () => {
  const labels = { 'app.kubernetes.io/instance': 'other', team: 'a' };
  expect(statefulSet({ pod: { labels } }).spec?.template.metadata?.labels).toMatchObject({
    'app.kubernetes.io/instance': 'classroom',
    team: 'a',
  });
});

test('what the agent is told of its machine is what the contract says', () => {
  const { env } = statefulSet({ storage: { mode: 'Ephemeral' } }).spec?.template.spec?.containers[0] ?? {};
  const settings = JSON.parse(env?.find(({ name }) => name === 'LOCO_MACHINE')?.value ?? '') as unknown;
  expect(machineSettingsSchema.parse(settings)).toMatchObject({ memoryMiB: 512, diskCache: 'Writeback' });
});

test('no pod of a machine has a token of the API server, in any mode', () => {
  for (const spec of [hybrid, { storage: { mode: 'Persistent' } }, { storage: { mode: 'Ephemeral' } }]) {
    const template = statefulSet(spec).spec?.template.spec;
    expect(template?.automountServiceAccountToken).toBe(false);
    expect(template?.serviceAccountName).toBeUndefined();
    expect(template?.volumes?.filter(({ projected }) => projected !== undefined)).toEqual([]);
  }
});

test('no argument and no environment variable of a machine comes from a Secret', () => {
  const { initContainers = [], containers = [] } = statefulSet(hybrid).spec?.template.spec ?? {};
  for (const { args, command, env, envFrom } of [...initContainers, ...containers]) {
    expect({ command, envFrom }).toEqual({ command: undefined, envFrom: undefined });
    expect(args).toHaveLength(1);
    expect(env?.filter(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined)).toEqual([]);
  }
});

describe('the NetworkPolicy', () => {
  const { operatorPods } = INSTALLATION;
  const ingress = (display: object, operator: typeof operatorPods | undefined = operatorPods) =>
    renderNetworkPolicy(owner, emulator({ display }).spec, operator).spec.ingress;

  test('lets the operator to the agents, and the pods of the namespace to the screens', () => {
    expect(renderNetworkPolicy(owner, emulator().spec, operatorPods)).toMatchSnapshot();
  });

  test('lets to the screens whom display.access says', () => {
    const access = [
      { namespaceSelector: { matchLabels: { team: 'b' } } },
      { namespaceSelector: { matchLabels: { team: 'a' } }, podSelector: { matchLabels: { role: 'viewer' } } },
      { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } },
      { ipBlock: { cidr: 'fd00::/8' } },
    ];
    expect(ingress({ access })[1]?.from).toEqual(access);
  });

  test('lets nobody to the screens where display.access is empty: a rule without peers would let in everyone', () => {
    const rules = ingress({ access: [] });
    expect(rules.flatMap(({ ports }) => ports.map(({ port }) => port))).toEqual([8080]);
    expect(rules.every(({ from = [] }) => from.length > 0)).toBe(true);
  });

  test('leaves the agents open where the operator does not run in a pod: nobody gets anything without the token', () => {
    expect(renderNetworkPolicy(owner, emulator().spec, undefined).spec.ingress[0]).toEqual({
      ports: [{ port: 8080, protocol: 'TCP' }],
    });
  });
});

describe('the PodDisruptionBudget', () => {
  test('says what pod.maxUnavailable says, and lets machines that are not ready be evicted', () => {
    const { spec } = emulator({ replicas: 4, pod: { maxUnavailable: '50%' } });
    expect(renderPodDisruptionBudget(owner, spec)).toMatchSnapshot();
  });

  test.each<[number, number | string, boolean]>([
    [1, 1, false],
    [2, 1, true],
    [3, 3, false],
    [1, 0, true],
    [0, 0, false],
    [1, '50%', false],
    [2, '50%', true],
    [3, '67%', false],
    [3, '66%', true],
    [1, '0%', true],
  ])('with %d machines of which %s may be away it is needed: %s', (replicas, maxUnavailable, needed) => {
    expect(needsBudget(emulator({ replicas, pod: { maxUnavailable } }).spec)).toBe(needed);
  });
});

test('the VNC password is eight letters and digits, each equally likely', () => {
  const password = (bytes: (size: number) => Buffer) =>
    Buffer.from(renderVncSecret(owner, bytes).data?.['password'] ?? '', 'base64').toString();
  expect(password(counting)).toMatch(/^[A-Za-z0-9]{8}$/);
  // 248 and above are thrown away: 256 is no multiple of 62.
  expect(password(counting)).toBe('23456789');
});

test('a plan without a digest says why', () => {
  const text = planText(diskPlan(emulator(hybrid).spec, { unresolved: 'RegistryAuthFailed: wrong password' }));
  expect(JSON.parse(text)).toMatchObject({ snapshot: { unresolved: 'RegistryAuthFailed: wrong password' } });
});
