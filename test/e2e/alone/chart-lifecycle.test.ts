import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requestsOf } from '../support/audit-log.ts';
import { Cluster } from '../support/cluster.ts';
import { readEnvironment } from '../support/environment.ts';
import { Machine } from '../support/machine.ts';
import { chartFolder, type PreviousChart, packagePreviousChart } from '../support/previous-chart.ts';
import { Release } from '../support/release.ts';
import { Scenario } from '../support/scenario.ts';
import { eventually } from '../support/wait.ts';

/** Fields that nobody here uses: the first chart's CRD has neither, the second's the former, today's both. */
const FORMER = 'spec.pod.priorityClassName';
const LATTER = 'spec.pod.runtimeClassName';

const suite = new Cluster();
const name = 'chart-lifecycle';
// The release's operator works where its machines are.
const scenario = new Scenario(name, { ...readEnvironment(), operatorNamespace: `e2e-${name}` });
const { cluster, namespace, images } = scenario;
const release = new Release(cluster, namespace, 'lifecycle');
const own = new Machine(scenario, 'own');
const charted = new Machine(scenario, 'win98');

/** The example of the fully persistent machine, with the test guest in place of Windows 98. */
const files = [`${chartFolder}/examples/persistent.yaml`];
const values = (machines: string) => ({
  image: machines,
  operator: { image: images.operator },
  emulator: {
    spec: {
      storage: { size: '1Gi' },
      readiness: { screen: 'Any' },
      machine: { memory: '128Mi' },
      shutdown: { gracePeriodSeconds: 60 },
    },
  },
});

/** What would be another one if a guest had been restarted, and the password of its screen. */
async function running(machine: Machine) {
  const [pod, restarts] = [await scenario.podUid(machine.pod), await machine.restarts()];
  const secret = await cluster.core.readNamespacedSecret({ name: `${machine.emulator}-vnc`, namespace });
  return { pod, restarts, boots: await machine.boots(), password: secret.data?.['password'] };
}

const machines = async () => ({ own: await running(own), charted: await running(charted) });

/** Which of the two fields the API server knows; it is asked to try, and stores nothing. */
async function knownFields(): Promise<string[]> {
  const emulator = {
    apiVersion: 'loco.mroie.github.io/v1alpha1',
    kind: 'Emulator',
    metadata: { name: 'tried', namespace },
    spec: { storage: { mode: 'Ephemeral' }, pod: { priorityClassName: 'high', runtimeClassName: 'other' } },
  };
  const create = ['create', '--dry-run=server', '--validate=strict', '-f', '-'];
  const tried = await cluster.kubectl(create, { input: JSON.stringify(emulator), reject: false });
  const unknown = [...tried.all.matchAll(/unknown field "([\w.]+)"/g)].map((match) => match[1] ?? '');
  if (tried.exitCode !== 0 && unknown.length === 0) throw new Error(tried.all);
  return [FORMER, LATTER].filter((field) => !unknown.includes(field));
}

/** The Job before an upgrade was denied nothing, asked about CRDs alone, and left nothing behind. */
async function hookSuffices(since: Date): Promise<void> {
  const left = ['get', 'jobs,serviceaccounts,clusterroles,clusterrolebindings', '--all-namespaces', '-o', 'name'];
  expect((await cluster.kubectl(left)).stdout).not.toContain('lifecycle-loco-operator-crds');
  const { auditLog } = cluster.environment;
  if (auditLog === undefined) return;
  const requests = await requestsOf(auditLog, `system:serviceaccount:${namespace}:lifecycle-loco-operator-crds`, since);
  const asked = requests.map(({ verb, objectRef, annotations }) =>
    [verb, objectRef?.resource, annotations?.['authorization.k8s.io/decision']].join(' '),
  );
  const all = ['get customresourcedefinitions allow', 'patch customresourcedefinitions allow'];
  expect(new Set(asked)).toEqual(new Set(all));
}

/** Applies a CRD as Helm does when it installs a chart. */
const applyCrd = (file: string) =>
  cluster.kubectl(['apply', '--server-side', '--field-manager=helm', '--force-conflicts', '-f', file]);

/** What Helm has made for a release, in any namespace. */
const KINDS = [
  ...['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings', 'serviceaccounts', 'deployments', 'jobs'],
  ...['configmaps', 'secrets', 'networkpolicies', 'poddisruptionbudgets', 'emulators'],
];

describe('a release of the chart in a namespace that enforces restricted Pod Security', () => {
  let first: PreviousChart;
  let second: PreviousChart;
  let replicas = 2;
  const packaged: PreviousChart[] = [];

  beforeAll(async () => {
    replicas = await suite.operator.rest();
    first = await packagePreviousChart(suite.environment.helm, '0.0.1', [FORMER, LATTER]);
    packaged.push(first);
    second = await packagePreviousChart(suite.environment.helm, '0.0.2', [LATTER]);
    packaged.push(second);
    await scenario.open();
    // Where there is a CRD, Helm installs no other one over what it hasn't made itself.
    await applyCrd(first.crd);
    await eventually('the API server serves the first CRD', async () => (await knownFields()).length === 0);
  });

  afterAll(async () => {
    try {
      await release.uninstall();
      await scenario.close();
      for (const chart of packaged) await chart.remove();
    } finally {
      // Whatever happened here, the others need these.
      await applyCrd(`${chartFolder}/crds`);
      await suite.operator.workAgain(replicas);
    }
  });

  test('is installed with its own Emulator, and a user adds another', async () => {
    const installing = release.install({ chart: first.package, files, values: values(images.qemuBuiltin) });
    await scenario.applyEmulator('own', { image: undefined, storage: { mode: 'Ephemeral' } });
    await installing;
    for (const emulator of ['own', 'win98']) await scenario.ready(emulator);
    for (const machine of [own, charted]) await machine.up(1);
    expect(await knownFields()).toEqual([]);
  });

  test('an upgrade brings a field of the CRD, another operator and another image, and restarts no guest', async () => {
    const before = await machines();
    const leader = await scenario.cluster.operator.leader();
    const since = new Date();
    await release.upgrade({ chart: second.package, files, values: values(images.qemu) });
    expect(await knownFields()).toEqual([FORMER]);
    await scenario.cluster.operator.leads((now) => now !== leader);
    for (const emulator of ['own', 'win98']) {
      await scenario.condition(emulator, 'RestartRequired', 'True');
      await scenario.ready(emulator);
    }
    expect(await machines()).toEqual(before);
    await hookSuffices(since);
  });

  test('a rollback takes the image back, restarts no guest and leaves the field of the CRD', async () => {
    const before = await machines();
    const leader = await scenario.cluster.operator.leader();
    await release.rollback();
    await scenario.cluster.operator.leads((now) => now !== leader);
    for (const emulator of ['own', 'win98']) {
      await scenario.condition(emulator, 'RestartRequired', 'False');
      await scenario.ready(emulator);
    }
    expect(await machines()).toEqual(before);
    expect(await knownFields()).toEqual([FORMER]);
  });

  test("an uninstall ends the chart's own Emulator, keeps its disk, and leaves the user's Emulator and its guest running", async () => {
    const before = await running(own);
    const disk = await scenario.claimUid('win98-disk-win98-0');
    await release.uninstall();
    await eventually("operator and the chart's machine are gone", async () => {
      const operators = await scenario.cluster.operator.pods();
      return operators.length === 0 && (await scenario.podUid(charted.pod)) === undefined;
    });
    expect(await scenario.claimUid('win98-disk-win98-0')).toBe(disk);
    expect(await running(own)).toEqual(before);
    const listed = [
      'get',
      KINDS.join(),
      '--all-namespaces',
      '-o',
      'name',
      '-l',
      'app.kubernetes.io/instance=lifecycle',
    ];
    expect((await cluster.kubectl(listed)).stdout).toBe('');
    expect((await cluster.kubectl(['-n', namespace, 'get', 'emulators', '-o', 'name'])).stdout).toMatch(/^\S+\/own$/);
  });

  test('a newer chart installed after that finds what is there: the running guest goes on, the kept disk boots again', async () => {
    const before = await running(own);
    const disk = await scenario.claimUid('win98-disk-win98-0');
    await release.install({ chart: chartFolder, files, values: values(images.qemuBuiltin) });
    await scenario.ready('own');
    const { status } = await scenario.ready('win98');
    expect(await running(own)).toEqual(before);
    expect(await scenario.claimUid('win98-disk-win98-0')).toBe(disk);
    await charted.up(2);
    expect(await charted.said('clean')).toBe('yes');
    expect(status?.diskOrigin).toBe('Builtin');
    expect(await knownFields()).toEqual([FORMER, LATTER]);
  });
});
