import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseQuantity } from '../../src/operator/quantity.ts';
import { Machine } from './support/machine.ts';
import { pullConfig, pushSnapshot } from './support/registry.ts';
import { Scenario } from './support/scenario.ts';

const { environment } = new Scenario('ephemeral-full').cluster;
const { registry } = environment;

describe.skipIf(registry === undefined)('an ephemeral machine whose guest fills its disk', () => {
  const scenario = new Scenario('ephemeral-full');
  const machine = new Machine(scenario, 'greedy');
  const repository = 'loco/small-disk:latest';

  beforeAll(async () => {
    await scenario.open();
    await Promise.all([pushSmallDisk(), registryAccess()]);
  });
  afterAll(() => scenario.close());

  /** The test guest's disk with 128 MiB, which are full sooner than its 2 GiB. */
  async function pushSmallDisk(): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'loco-small-disk-'));
    try {
      const guestDisk = join(folder, 'small.qcow2');
      await execa('qemu-img', ['convert', '-O', 'qcow2', environment.guestDisk, guestDisk]);
      await execa('qemu-img', ['resize', '-q', '--shrink', guestDisk, '128M']);
      await pushSnapshot({ ...environment, guestDisk }, repository);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async function registryAccess(): Promise<void> {
    const { namespace, cluster } = scenario;
    const ca = await readFile(registry?.caFile ?? '', 'utf8');
    const metadata = { name: 'registry', namespace };
    await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'ca.crt': ca } });
    const stringData = { '.dockerconfigjson': pullConfig(environment, registry?.password ?? '') };
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/dockerconfigjson',
      metadata,
      stringData,
    });
  }

  test('is refused where its volume could not hold that: its pod would be evicted', async () => {
    await scenario.applyEmulator('cramped', { storage: { mode: 'Ephemeral', size: '64Mi' } });
    const { message } = await scenario.condition('cramped', 'DisksReady', 'False', 'DiskFailed');
    expect(message).toMatch(/can fill its disk to 2048 MiB, .* \(141 MiB\).* Set storage\.size to 2048Mi or more/);
    await scenario.patch('cramped', { powerState: 'Stopped' });
  });

  test('stays below its volume’s limit, and is not evicted', async () => {
    await scenario.applyEmulator('greedy', {
      image: scenario.images.qemu,
      storage: { mode: 'Ephemeral', size: '128Mi' },
      disk: {
        snapshot: {
          reference: `${registry?.hostname}/${repository}`,
          pullSecretRef: { name: 'registry' },
          registry: { caBundleRef: { name: 'registry', key: 'ca.crt' } },
        },
      },
    });
    await scenario.ready('greedy');
    const uid = await scenario.podUid(machine.pod);
    await machine.type('fill', 300_000);
    const pod = await scenario.cluster.core.readNamespacedPod({ name: machine.pod, namespace: scenario.namespace });
    const limit = pod.spec?.volumes?.find(({ name }) => name === 'win98-disk')?.emptyDir?.sizeLimit ?? '';
    const used = Number.parseInt(await machine.run(['du', '--summarize', '--block-size=1', '/images']), 10);
    // The guest's room is nearly all used, and that is what kubelet measures against the limit.
    expect(used).toBeGreaterThan(110 * 2 ** 20);
    expect(used).toBeLessThan(parseQuantity(limit) ?? 0);
    await scenario.interruption();
    await scenario.ready('greedy');
    expect(await scenario.podUid(machine.pod)).toBe(uid);
    expect(await scenario.events('greedy', 'MachineEvicted')).toEqual([]);
  });
});
