import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { openSimulatedCluster, type SimulatedCluster } from '../../scripts/cluster/simulated/index.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { type Connection, openConnection } from '../../src/kube/connection.ts';
import { openEtcd } from './etcd.ts';
import { openLine } from './line.ts';
import { answersTo, CONFIG_MAPS, configMap, NAMESPACES, watchConfigMaps } from './watched.ts';

let cluster: SimulatedCluster;
let connection: Connection;
let client: KubeClient;
let etcd: Awaited<ReturnType<typeof openEtcd>>;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  cluster = await openSimulatedCluster('loco-kube-reflector', { parts: 'api' });
  connection = await openConnection(systemClock, cluster.kubeconfig);
  client = new KubeClient(connection);
  etcd = await openEtcd(cluster);
});

afterAll(async () => {
  await cluster?.down();
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function watch(namespace: string, userAgent: string, on = connection) {
  const watched = watchConfigMaps(on, namespace, userAgent);
  ends.push(() => watched.reflector.stop());
  return watched;
}

async function namespaceWith(name: string, count: number): Promise<void> {
  await client.create(NAMESPACES, { metadata: { name } });
  for (let index = 0; index < count; index += 1)
    await client.create(CONFIG_MAPS, configMap(name, `c${index}`, 'first'));
}

test('a server that streams lists is asked once for everything: one request, no list', async () => {
  await namespaceWith('streamed', 5);
  const { reflector, held } = watch('streamed', 'streamer');
  await reflector.synced;
  expect(Object.keys(held())).toHaveLength(5);
  await client.create(CONFIG_MAPS, configMap('streamed', 'later', 'x'));
  await vi.waitFor(() => expect(held()).toHaveProperty('later', 'x'), 10_000);
  await reflector.stop();
  const answers = () => answersTo(cluster.auditLog, 'streamer');
  await vi.waitFor(async () => expect(await answers()).toEqual([{ code: 200, streamsList: true }]), 10_000);
});

test('a version that etcd has forgotten is listed anew, and handlers hear of the differences and of nothing else', async () => {
  await namespaceWith('forgotten', 3);
  const line = await openLine(cluster.kubeconfig);
  ends.push(line.close);
  const { reflector, held, changes, failures, store } = watch('forgotten', 'forgetful', line.connection);
  await reflector.synced;
  line.cut();
  const uid = store.get('forgotten/c2')?.metadata.uid ?? '';
  await client.delete(CONFIG_MAPS, { namespace: 'forgotten', name: 'c2', uid });
  await client.patch(CONFIG_MAPS, configMap('forgotten', 'c1', 'second'));
  await client.create(CONFIG_MAPS, configMap('forgotten', 'c3', 'new'));
  await etcd.compact();
  // Its own memory of what happened goes further back than etcd's.
  await cluster.component('kube-apiserver').kill();
  await cluster.component('kube-apiserver').start();
  changes.length = 0;
  line.mend();
  await vi.waitFor(() => expect(held()).toEqual({ c0: 'first', c1: 'second', c3: 'new' }), 10_000);
  const told = changes.map(({ before, after }) => `${before?.data?.['value'] ?? '-'}>${after?.data?.['value'] ?? '-'}`);
  expect(told.sort()).toEqual(['->new', 'first>-', 'first>second']);
  expect(failures.map(({ message }) => message)).toContainEqual(expect.stringContaining('too old resource version'));
});

test('an API server that is killed and started again is missed for a few tries, and no change is lost', async () => {
  await namespaceWith('killed', 2);
  const { reflector, held, failures, store } = watch('killed', 'survivor');
  await reflector.synced;
  await cluster.component('kube-apiserver').kill();
  await vi.waitFor(() => expect(failures.length).toBeGreaterThanOrEqual(3), 20_000);
  await cluster.component('kube-apiserver').start();
  const uid = store.get('killed/c0')?.metadata.uid ?? '';
  await client.delete(CONFIG_MAPS, { namespace: 'killed', name: 'c0', uid });
  await client.create(CONFIG_MAPS, configMap('killed', 'c2', 'after'));
  await vi.waitFor(() => expect(held()).toEqual({ c1: 'first', c2: 'after' }), 10_000);
  // What it waits between two tries is what it is late at most after the return.
  expect(Math.max(...failures.map(({ retryInMs }) => retryInMs))).toBeLessThanOrEqual(3_000);
});

test('a watch on a connection that fell silent is opened anew as soon as another request on it hears nothing', async () => {
  await namespaceWith('silent', 1);
  const line = await openLine(cluster.kubeconfig);
  ends.push(line.close);
  const { reflector, held, failures } = watch('silent', 'listener', line.connection);
  await reflector.synced;
  const renewing = new KubeClient(line.connection);
  await renewing.get(CONFIG_MAPS, 'silent', 'c0');
  line.silence();
  await client.create(CONFIG_MAPS, configMap('silent', 'c1', 'unheard'));
  // Like the renewal of a Lease, which its holder gives up after some seconds.
  const renewal = renewing.get(CONFIG_MAPS, 'silent', 'c0', { signal: AbortSignal.timeout(2_500) });
  await expect(renewal).rejects.toMatchObject({ reason: 'Unreachable' });
  await vi.waitFor(() => expect(held()).toHaveProperty('c1', 'unheard'), 10_000);
  expect(failures.map(({ message }) => message)).toContainEqual(
    expect.stringContaining('another request on the same connection heard nothing'),
  );
});
