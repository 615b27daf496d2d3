import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pullConfig, pushSnapshot } from './support/registry.ts';
import { Scenario } from './support/scenario.ts';
import { eventually, throughout } from './support/wait.ts';

const { environment } = new Scenario('moved-tag').cluster;
const { registry } = environment;

describe.skipIf(registry === undefined)('a tag that moves', () => {
  const scenario = new Scenario('moved-tag');
  const { cluster, namespace } = scenario;
  const repository = `loco/moved-${Date.now()}:latest`;
  let [first, second] = ['', ''];

  beforeAll(async () => {
    await scenario.open();
    first = await pushSnapshot(environment, repository);
    const metadata = { name: 'registry', namespace };
    const ca = await readFile(registry?.caFile ?? '', 'utf8');
    await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'ca.crt': ca } });
    const type = 'kubernetes.io/dockerconfigjson';
    const stringData = { '.dockerconfigjson': pullConfig(environment, registry?.password ?? '') };
    await cluster.apply({ apiVersion: 'v1', kind: 'Secret', type, metadata, stringData });
  });
  afterAll(() => scenario.close());

  async function snapshot() {
    return (await scenario.emulator('pinned')).status?.snapshot;
  }

  test('changes nothing by itself, also for an operator that is new', async () => {
    const reference = `${registry?.hostname}/${repository}`;
    const access = {
      pullSecretRef: { name: 'registry' },
      registry: { caBundleRef: { name: 'registry', key: 'ca.crt' } },
    };
    // Stopped: what is to be seen here needs no machine.
    await scenario.applyEmulator('pinned', {
      powerState: 'Stopped',
      storage: { mode: 'Hybrid' },
      disk: { snapshot: { reference, ...access } },
    });
    await scenario.condition('pinned', 'SnapshotResolved', 'True', 'Resolved');
    expect(await snapshot()).toEqual({ reference, digest: first });
    second = await pushSnapshot({ ...environment, guestDisk: environment.blankDisk }, repository);
    expect(second).not.toBe(first);
    await scenario.interruption();
    await throughout(2_000, async () => expect(await snapshot()).toEqual({ reference, digest: first }));
  });

  test('is taken for what it is now when its user asks, once for each new word', async () => {
    const ask = ['annotate', 'emulator', 'pinned', '--overwrite', 'loco.mroie.github.io/resolve-snapshot=monday'];
    await cluster.kubectl(['-n', namespace, ...ask]);
    await eventually('the new digest is pinned', async () => (await snapshot())?.digest === second);
    expect(await snapshot()).toMatchObject({ resolveRequest: 'monday' });
    await scenario.condition('pinned', 'SnapshotResolved', 'True', 'Resolved');
    await eventually('the machines’ plan has it', async () => {
      const plan = await cluster.core.readNamespacedConfigMap({ name: 'pinned-plan', namespace });
      return plan.data?.['plan.json']?.includes(second);
    });
    const note = await eventually('the event says so', async () =>
      (await scenario.events('pinned', 'SnapshotResolved')).find((text) => text.includes(second)),
    );
    expect(note).toContain(`and was ${first}`);
    // The word is answered: the tag moves back, and nobody asks.
    expect(await pushSnapshot(environment, repository)).toBe(first);
    await throughout(2_000, async () => expect((await snapshot())?.digest).toBe(second));
  });
});
