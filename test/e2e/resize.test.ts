import type { V1PersistentVolumeClaim, V1Pod, V1StatefulSet, V1StorageClass } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ignoreNotFound } from './support/cluster.ts';
import { Scenario } from './support/scenario.ts';
import { eventually } from './support/wait.ts';

const EXPANDABLE = 'loco-e2e-expandable';
const FIXED = 'loco-e2e-fixed';

describe('a volume grows with spec.storage.size', () => {
  const scenario = new Scenario('resize');
  const { cluster, namespace } = scenario;

  beforeAll(async () => {
    await scenario.open();
    await createClass(EXPANDABLE, true);
    await createClass(FIXED, false);
  });
  afterAll(async () => {
    await scenario.close();
    for (const name of [EXPANDABLE, FIXED]) await deleteClass(name);
  });

  /** A class like the cluster's default one, but for what is tested. */
  async function createClass(name: string, allowVolumeExpansion: boolean): Promise<void> {
    const { items } = JSON.parse((await cluster.kubectl(['get', 'storageclass', '-o', 'json'])).stdout) as {
      items: V1StorageClass[];
    };
    const standard = items.find(
      ({ metadata }) => metadata?.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true',
    );
    if (standard === undefined) throw new Error('the cluster has no default StorageClass');
    const { provisioner, parameters, volumeBindingMode } = standard;
    await cluster.apply({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name },
      provisioner,
      allowVolumeExpansion,
      ...(parameters === undefined ? {} : { parameters }),
      ...(volumeBindingMode === undefined ? {} : { volumeBindingMode }),
    });
  }

  async function deleteClass(name: string): Promise<void> {
    await cluster.objects
      .delete({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name } })
      .catch(ignoreNotFound);
  }

  /** The size that a claim asks for. */
  async function request(claim: string): Promise<string | undefined> {
    const found = await cluster.get<V1PersistentVolumeClaim>('v1', 'PersistentVolumeClaim', namespace, claim);
    return found?.spec?.resources?.requests?.storage;
  }

  /** The size that the claims of new machines will ask for. */
  async function templateSize(name: string): Promise<string | undefined> {
    const found = await statefulSet(name);
    return found?.spec?.volumeClaimTemplates?.[0]?.spec?.resources?.requests?.storage;
  }

  async function statefulSet(name: string): Promise<V1StatefulSet | undefined> {
    return cluster.get<V1StatefulSet>('apps/v1', 'StatefulSet', namespace, name);
  }

  /** What would be another one if a guest had been restarted. */
  async function machine(pod: string) {
    const found = await cluster.get<V1Pod>('v1', 'Pod', namespace, pod);
    const main = found?.status?.containerStatuses?.find(({ name }) => name === 'emulator');
    return { uid: found?.metadata?.uid, container: main?.containerID, restarts: main?.restartCount };
  }

  test('the PVC and the claim template ask for more, and no guest is restarted for it', async () => {
    const storage = { mode: 'Persistent', size: '1Gi', storageClassName: EXPANDABLE };
    await scenario.applyEmulator('grows', { storage });
    await scenario.ready('grows');
    expect((await scenario.condition('grows', 'VolumesResized', 'True')).reason).toBe('UpToDate');
    const before = await machine('grows-0');
    await scenario.patch('grows', { storage: { size: '2Gi' } });
    await scenario.interruption();
    await eventually('the PVC asks for 2Gi', async () => (await request('win98-disk-grows-0')) === '2Gi');
    await eventually('the claim template asks for 2Gi', async () => (await templateSize('grows')) === '2Gi');
    await eventually('the pod is the StatefulSet’s again', async () => {
      const pod = await cluster.get<V1Pod>('v1', 'Pod', namespace, 'grows-0');
      return pod?.metadata?.ownerReferences?.[0]?.uid === (await statefulSet('grows'))?.metadata?.uid;
    });
    await eventually('the pod is of the newest revision', async () => {
      const pod = await cluster.get<V1Pod>('v1', 'Pod', namespace, 'grows-0');
      const revision = pod?.metadata?.labels?.['controller-revision-hash'];
      return revision !== undefined && revision === (await statefulSet('grows'))?.status?.updateRevision;
    });
    await scenario.ready('grows');
    await scenario.condition('grows', 'RestartRequired', 'False');
    expect(await machine('grows-0')).toEqual(before);
    expect(before.restarts).toBe(0);
    expect((await statefulSet('grows'))?.metadata?.annotations?.['loco.mroie.github.io/scale-mark']).toBe('1');
  });

  test('that a driver still has to do it is said, and when it has', async () => {
    const told = await eventually('the event says so', async () => (await scenario.events('grows', 'Expanding'))[0]);
    expect(told).toContain('win98-disk-grows-0 is to grow to 2Gi and has 1Gi');
    // The driver of the test clusters can't really do it, so this stands in for one; where one can, it says the same.
    const status = JSON.stringify({ status: { capacity: { storage: '2Gi' } } });
    const claim = ['pvc', 'win98-disk-grows-0', '--subresource=status', '--type=merge', '-p', status];
    await cluster.kubectl(['-n', namespace, 'patch', ...claim]);
    await scenario.condition('grows', 'VolumesResized', 'True');
    await eventually('the event says so', async () => (await scenario.events('grows', 'VolumesResized')).length > 0);
  });

  test('a machine that comes later has the new size from the start', async () => {
    await scenario.patch('grows', { replicas: 2 });
    await eventually('its PVC asks for 2Gi', async () => (await request('win98-disk-grows-1')) === '2Gi');
    await eventually(
      'two machines are ready',
      async () => (await scenario.emulator('grows')).status?.readyReplicas === 2,
      150_000,
    );
    expect((await machine('grows-0')).restarts).toBe(0);
  });

  test('where the StorageClass does not allow it that is said with what to do, and the machine goes on', async () => {
    const storage = { mode: 'Persistent', size: '1Gi', storageClassName: FIXED };
    await scenario.applyEmulator('fixed', { storage });
    await scenario.ready('fixed');
    const before = await machine('fixed-0');
    await scenario.patch('fixed', { storage: { size: '2Gi' } });
    await scenario.interruption();
    const { message } = await scenario.condition('fixed', 'VolumesResized', 'False', 'ExpansionRefused');
    expect(message).toContain('win98-disk-fixed-0 stays at 1Gi');
    expect(message).toContain('must support resize');
    expect(message).toContain('allowVolumeExpansion: true');
    await eventually('the event says so', async () => (await scenario.events('fixed', 'ExpansionRefused')).length > 0);
    await eventually('the claim template asks for 2Gi', async () => (await templateSize('fixed')) === '2Gi');
    await scenario.ready('fixed');
    expect(await request('win98-disk-fixed-0')).toBe('1Gi');
    expect(await machine('fixed-0')).toEqual(before);
  });
});
