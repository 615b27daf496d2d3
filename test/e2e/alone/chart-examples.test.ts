import { readFile } from 'node:fs/promises';
import type { V1Node } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { requestsOf } from '../support/audit-log.ts';
import { Cluster, type EmulatorView } from '../support/cluster.ts';
import { readEnvironment } from '../support/environment.ts';
import { Machine } from '../support/machine.ts';
import { chartFolder } from '../support/previous-chart.ts';
import { pushSnapshot } from '../support/registry.ts';
import { Release } from '../support/release.ts';
import { Scenario } from '../support/scenario.ts';
import { eventually } from '../support/wait.ts';

const suite = new Cluster();
const { registry, images, auditLog, hasNodeAccess } = suite.environment;
const SNAPSHOT = 'loco/qemu-snapshots:chart';

/** The test guest in place of Windows 98: on any machine that an example makes. */
const guest = {
  readiness: { screen: 'Any' },
  machine: { memory: '128Mi' },
  shutdown: { gracePeriodSeconds: 60 },
};
const onClaim = { ...guest, storage: { size: '1Gi' } };

/** The registry of the test cluster in place of the public one, with credentials that the chart makes a Secret of. */
const pulled = {
  snapshotRegistry: `${registry?.hostname}/loco/qemu-snapshots`,
  snapshotTag: 'chart',
  snapshotPullSecret: { create: true, username: registry?.username, password: registry?.password },
};
const fromRegistry = { disk: { snapshot: { registry: { caBundleRef: { name: 'registry-ca', key: 'ca.crt' } } } } };

/** An example, what is laid over it so that it runs here, and what it makes: each Emulator's origin, and the PVCs. */
interface Example {
  readonly file: string;
  readonly values: (scenario: Scenario) => Record<string, unknown>;
  readonly origins: Readonly<Record<string, string>>;
  readonly claims: readonly string[];
  /** What it needs that not every cluster has. */
  readonly needs?: 'registry' | 'node';
}

// The example of the fully persistent machine is the one that chart-lifecycle installs.
const examples: readonly Example[] = [
  {
    file: 'hybrid.yaml',
    needs: 'registry',
    values: () => ({ image: images.qemu, emulator: { ...pulled, spec: { ...onClaim, ...fromRegistry } } }),
    origins: { win98: 'Snapshot' },
    claims: ['win98-disk-win98-0'],
  },
  {
    file: 'ephemeral.yaml',
    needs: 'registry',
    values: () => ({ image: images.qemu, emulator: { ...pulled, spec: { ...guest, ...fromRegistry } } }),
    origins: { win98: 'Snapshot' },
    claims: [],
  },
  {
    file: 'ephemeral-builtin.yaml',
    values: () => ({ emulator: { spec: { ...guest, image: images.qemuBuiltin } } }),
    origins: { win98: 'Builtin' },
    claims: [],
  },
  {
    file: 'node-folder.yaml',
    needs: 'node',
    values: ({ namespace }) => ({
      image: images.qemuBuiltin,
      emulator: { nodeFolder: { path: folderOf(namespace), node: hostname }, spec: onClaim },
    }),
    origins: { win98: 'Builtin' },
    claims: ['win98-disk-win98-0'],
  },
  {
    file: 'one-namespace.yaml',
    values: () => ({ image: images.qemuBuiltin, emulator: { spec: onClaim } }),
    origins: { win98: 'Builtin' },
    claims: ['win98-disk-win98-0'],
  },
  {
    file: 'several-emulators.yaml',
    needs: 'registry',
    values: () => ({
      image: images.qemuBuiltin,
      emulator: pulled,
      emulators: {
        teacher: { spec: onClaim },
        classroom: { replicas: 1, spec: { ...onClaim, image: images.qemu, ...fromRegistry } },
        'smoke-test': { spec: { ...guest, ...fromRegistry } },
      },
    }),
    origins: { teacher: 'Builtin', classroom: 'Snapshot', 'smoke-test': 'Builtin' },
    claims: ['win98-disk-classroom-0', 'win98-disk-teacher-0'],
  },
];

/** A folder of the node's /run, which goes with the node. */
const folderOf = (namespace: string): string => `/run/${namespace}`;
const volumeOf = (namespace: string): string => `${namespace}-win98-disk-win98-0`;
let hostname = '';

/** Two at a time, each with an operator and a few guests, are what two cores can do. */
const pairs = examples.flatMap((one, index) =>
  index % 2 === 0 ? [[one, ...examples.slice(index + 1, index + 2)]] : [],
);

const has = { registry: registry !== undefined, node: hasNodeAccess };

describe('each example of the chart, in a namespace that enforces restricted Pod Security, by an operator of its own', () => {
  let replicas = 2;

  beforeAll(async () => {
    replicas = await suite.operator.rest();
    if (registry !== undefined) await pushSnapshot(suite.environment, SNAPSHOT);
    const { items } = JSON.parse((await suite.kubectl(['get', 'nodes', '-o', 'json'])).stdout) as { items: V1Node[] };
    hostname = items[0]?.metadata?.labels?.['kubernetes.io/hostname'] ?? '';
  });
  afterAll(() => suite.operator.workAgain(replicas));

  describe.each(pairs.map((pair) => ({ pair, files: pair.map(({ file }) => file).join(' and ') })))(
    '$files',
    ({ pair }) => {
      for (const example of pair) test.concurrent(`${example.file} comes up`, (context) => comesUp(example, context));
    },
  );

  async function comesUp({ file, values, origins, claims, needs }: Example, context: TestContext): Promise<void> {
    if (needs !== undefined && !has[needs]) return context.skip(`needs the cluster's ${needs}, which isn't ours`);
    const { expect } = context;
    const name = `example-${file.replace('.yaml', '')}`;
    const scenario = new Scenario(name, { ...readEnvironment(), operatorNamespace: `e2e-${name}` });
    const { cluster, namespace } = scenario;
    const release = new Release(cluster, namespace, 'loco');
    await scenario.open();
    context.onTestFinished(async () => {
      await release.uninstall();
      await noPods(scenario);
      await scenario.close();
      await removeFolder(scenario);
    });
    await makeFolder(scenario);
    await certificates(scenario);
    const from = new Date();
    await release.install({
      chart: chartFolder,
      files: [`${chartFolder}/examples/${file}`],
      values: { scope: { kind: 'Own' }, operator: { image: images.operator, replicas: 1 }, ...values(scenario) },
    });
    for (const [emulator, origin] of Object.entries(origins)) {
      const { status }: EmulatorView = await scenario.ready(emulator);
      expect(status?.diskOrigin).toBe(origin);
      await new Machine(scenario, emulator).up(1);
    }
    expect(await scenario.claims()).toEqual(claims);
    await rolesSuffice(scenario, from);
  }

  /** The operator has no right beyond its namespace, and asked for nothing that it may not. */
  async function rolesSuffice({ cluster, namespace }: Scenario, from: Date): Promise<void> {
    const account = `system:serviceaccount:${namespace}:loco-operator`;
    const beyond = ['auth', 'can-i', 'list', 'emulators.loco.mroie.github.io', '--all-namespaces', `--as=${account}`];
    expect((await cluster.kubectl(beyond, { reject: false })).stdout).toBe('no');
    if (auditLog === undefined) return;
    const requests = await requestsOf(auditLog, account, from);
    expect(requests.length).toBeGreaterThan(0);
    expect(requests.filter((entry) => entry.annotations?.['authorization.k8s.io/decision'] !== 'allow')).toEqual([]);
    expect(new Set(requests.map(({ objectRef }) => objectRef?.namespace))).toEqual(new Set([namespace]));
  }

  /** The guests have shut down: who takes their disks away under them is a trouble of its own. */
  async function noPods({ cluster, namespace }: Scenario): Promise<void> {
    const isEmpty = async () => (await cluster.core.listNamespacedPod({ namespace })).items.length === 0;
    await eventually(`the pods of ${namespace} are gone`, isEmpty, 180_000);
  }

  async function makeFolder({ cluster, namespace }: Scenario): Promise<void> {
    const node = await cluster.node();
    const isGone = async () => (await cluster.get('v1', 'PersistentVolume', '', volumeOf(namespace))) === undefined;
    await eventually('the volume of an earlier run is gone', isGone);
    await node?.run(['rm', '-rf', folderOf(namespace)]);
    // The line that the notes and the example give, for this folder.
    await node?.run(['install', '-d', '-m', '0770', '-o', '10001', '-g', '10001', folderOf(namespace)]);
  }

  /** The chart keeps the volume, as it says; it goes when its claim has gone with the namespace. */
  async function removeFolder({ cluster, namespace }: Scenario): Promise<void> {
    const volumes = ['delete', 'persistentvolume', volumeOf(namespace), '--ignore-not-found'];
    await cluster.kubectl([...volumes, '--wait=false']);
    await (await cluster.node())?.run(['rm', '-rf', folderOf(namespace)]);
  }

  async function certificates({ cluster, namespace }: Scenario): Promise<void> {
    if (registry === undefined) return;
    const data = { 'ca.crt': await readFile(registry.caFile, 'utf8') };
    const metadata = { name: 'registry-ca', namespace };
    await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
  }
});
