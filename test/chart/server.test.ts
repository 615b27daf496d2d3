import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSimulatedCluster, type SimulatedCluster } from '../../scripts/cluster/simulated/index.ts';
import { chartFolder, helm } from './render.ts';

const NAMESPACES = ['machines', 'school'];
const examples = (await readdir(join(chartFolder, 'examples'))).filter((file) => file.endsWith('.yaml'));

/** Values that change what kinds of objects there are, or fields that nothing else sets. */
const matrix: Readonly<Record<string, readonly string[]>> = {
  'the operator alone': [],
  'one operator': ['operator.replicas=1'],
  'many operators, spread strictly': [
    'operator.replicas=5',
    'operator.podDisruptionBudget.maxUnavailable="25%"',
    'operator.topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}]',
  ],
  'an operator on chosen nodes, of a class, with its own registry': [
    'operator.priorityClassName="system-cluster-critical"',
    'operator.nodeSelector={"kubernetes.io/os": "linux"}',
    'operator.tolerations=[{"key": "infra", "operator": "Exists", "effect": "NoSchedule"}]',
    'operator.affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]}}}',
    'operator.image="registry.example.com:5000/loco/operator:1"',
    'operator.imagePullPolicy="Always"',
    'operator.imagePullSecrets=["registry"]',
    'operator.logLevel="debug"',
    'operator.traces.endpoint="http://tempo.monitoring:4318"',
  ],
  'images by digest': [`operator.imageDigest="sha256:${'0'.repeat(64)}"`, `imageDigest="sha256:${'f'.repeat(64)}"`],
  'the whole cluster': ['scope={"kind": "Cluster", "namespaces": []}'],
  'some namespaces': ['scope={"kind": "Namespaces", "namespaces": ["machines", "school"]}'],
  'its own namespace': ['scope={"kind": "Own", "namespaces": []}'],
  'no policy': ['operator.networkPolicy.enabled=false'],
  'a policy that knows the network': [
    'operator.networkPolicy.apiServer={"cidrs": ["10.0.0.10/32", "2001:db8::1/128"], "ports": [6443]}',
    'operator.networkPolicy.dns={"to": [{"ipBlock": {"cidr": "169.254.20.10/32"}}], "ports": [53, 5353]}',
    'operator.networkPolicy.registries={"cidrs": ["203.0.113.0/24"], "ports": [443, 5000]}',
    'operator.networkPolicy.metricsFrom=[{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]',
  ],
  'a policy that shows metrics to nobody': ['operator.networkPolicy.metricsFrom=[]'],
  'a dashboard': ['monitoring.dashboard.enabled=true'],
  'no hook': ['operator.crds.upgrade=false'],
  'a hook that may remove fields': ['operator.crds.allowRemovedFields=true'],
  'a snapshot by digest, with credentials that the chart keeps': [
    'emulator={"diskPVC": "win98-disk", "usePrebuiltSnapshot": true, "snapshotRegistry": "registry.example.com/win98"}',
    `emulator.snapshotTag="sha256:${'a'.repeat(64)}"`,
    'emulator.snapshotPullSecret={"create": true, "username": "me", "password": "a \\"word\\" with {braces}"}',
  ],
  'an Emulator of which everything is said': [
    'emulator={"diskPVC": "win98-disk", "replicas": 3}',
    'emulator.spec={"update": "Rolling", "machine": {"memory": "256Mi", "timeZone": "Europe/Berlin"}, "shutdown": {"gracePeriodSeconds": 60, "onGuestPowerOff": "Stay"}, "display": {"access": []}, "pod": {"maxUnavailable": "50%", "labels": {"team": "a"}}, "storage": {"size": "8Gi", "retention": {"whenDeleted": "Delete", "whenScaled": "Delete"}}}',
  ],
};

describe('the chart on a real API server', () => {
  let cluster: SimulatedCluster;

  beforeAll(async () => {
    cluster = await openSimulatedCluster('chart', { parts: 'api' });
    for (const name of NAMESPACES) {
      const labels = { 'pod-security.kubernetes.io/warn': 'restricted' };
      await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
    }
  });
  afterAll(() => cluster?.down());

  async function kubectl(args: readonly string[], input?: string) {
    const options = { reject: false, all: true } as const;
    return execa(
      cluster.kubectl,
      [`--kubeconfig=${cluster.kubeconfig}`, ...args],
      input === undefined ? options : { ...options, input },
    );
  }

  async function apply(manifest: object): Promise<void> {
    const applied = await kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(manifest));
    if (applied.exitCode !== 0) throw new Error(applied.all);
  }

  /** What the API server says to everything that an upgrade with these flags would make, hooks too; nothing is stored. */
  async function judge(...flags: string[]) {
    const rendered = await helm('template', 'loco', chartFolder, '--namespace=machines', '--is-upgrade', ...flags);
    if (rendered.exitCode !== 0) throw new Error(rendered.all);
    return tried(rendered.stdout);
  }

  /** A warning counts: one would be that a pod's template violates the restricted Pod Security Standard. */
  async function tried(manifests: string) {
    const flags = ['--server-side', '--force-conflicts', '--dry-run=server', '--validate=strict'];
    const { exitCode, stdout, stderr } = await kubectl(['apply', ...flags, '-f', '-'], manifests);
    return { exitCode, stderr, objects: stdout.split('\n').length };
  }

  const accepted = { exitCode: 0, stderr: '' };

  it('is installed where nothing is: the CRD first, then an Emulator of it', async () => {
    const options = ['--create-namespace', '--namespace=first', `--kubeconfig=${cluster.kubeconfig}`];
    const example = join(chartFolder, 'examples/persistent.yaml');
    const installed = await helm('install', 'loco', chartFolder, ...options, '--values', example);
    expect(installed.exitCode, installed.all).toBe(0);
    const found = await kubectl(['-n', 'first', 'get', 'emulators', '-o', 'name']);
    expect(found.stdout).toBe('emulator.loco.mroie.github.io/win98');
  });

  it.each(examples)('accepts what the example %s makes', async (file) => {
    const judged = await judge('--values', join(chartFolder, 'examples', file));
    expect(judged).toMatchObject(accepted);
    expect(judged.objects).toBeGreaterThan(5);
  });

  it.each(Object.entries(matrix))('accepts %s', async (_, settings) => {
    expect(await judge(...settings.flatMap((setting) => ['--set-json', setting]))).toMatchObject(accepted);
  });

  it('says so where a field is misspelt, or a pod is not restricted', async () => {
    const rendered = await helm('template', 'loco', chartFolder, '--namespace=machines');
    const misspelt = await tried(rendered.stdout.replace('replicas:', 'replica:'));
    expect(misspelt).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('.spec.replica: field not declared'),
    });
    const unrestricted = await tried(rendered.stdout.replaceAll('runAsNonRoot: true', 'runAsNonRoot: false'));
    expect(unrestricted.stderr).toContain('would violate PodSecurity "restricted');
  });
});
