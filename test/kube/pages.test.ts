import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { answersWith } from '../../scripts/cluster/local/answers.ts';
import { openSimulatedCluster, type SimulatedCluster } from '../../scripts/cluster/simulated/index.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { type Connection, openConnection } from '../../src/kube/connection.ts';
import { CredentialCache } from '../../src/kube/credentials.ts';
import { kubeconfig } from '../../src/kube/kubeconfig.ts';
import { openEtcd } from './etcd.ts';
import { CONFIG_MAPS, configMap, NAMESPACES, watchConfigMaps } from './watched.ts';

/** Three pages of 250, the last not full. */
const COUNT = 620;
const PORT = 6_444;

let cluster: SimulatedCluster;
let withoutStreams: Connection;
let client: KubeClient;

beforeAll(async () => {
  cluster = await openSimulatedCluster('loco-kube-pages', { parts: 'api' });
  client = new KubeClient(await openConnection(systemClock, cluster.kubeconfig));
  await client.create(NAMESPACES, { metadata: { name: 'many' } });
  for (let index = 0; index < COUNT; index += 20) {
    const batch = Array.from({ length: Math.min(20, COUNT - index) }, (_, offset) => `c${index + offset}`);
    await Promise.all(batch.map((name) => client.create(CONFIG_MAPS, configMap('many', name, 'x'))));
  }
  withoutStreams = await startServerWithoutStreams();
});

afterAll(async () => {
  await cluster?.down();
});

/** A second API server on the same etcd, as it was before it streamed lists. */
async function startServerWithoutStreams(): Promise<Connection> {
  const [pid] = await cluster.component('kube-apiserver').pids();
  const running = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(0, -1);
  const own = /^--(secure-port|audit-.*|feature-gates)=/;
  const more = [`--secure-port=${PORT}`, '--feature-gates=WatchList=false'];
  const command = [...running.filter((argument) => !own.test(argument)), ...more];
  const server = await cluster.spawn(command, { name: 'without-streams' });
  const source = kubeconfig(cluster.kubeconfig);
  const there = new URL(cluster.server);
  there.port = String(PORT);
  const connection = await CredentialCache.open({ ...source, server: async () => there }, systemClock);
  const asking = new KubeClient(connection);
  const ready = async () => {
    await asking.get(NAMESPACES, '', 'many');
    // It gives objects before the caches that its watches and lists come from are filled.
    expect(await answersWith(new URL('/readyz', there).href, 200)).toBe(true);
  };
  await vi.waitFor(ready, { timeout: 60_000, interval: 200 }).catch(async (error: unknown) => {
    throw new Error(`${String(error)}\n${(await readFile(server.log, 'utf8')).slice(-2_000)}`);
  });
  return connection;
}

test('a server that streams no lists says so with 422, and gives pages instead', async () => {
  const refused = new KubeClient(withoutStreams).watch(
    { resource: CONFIG_MAPS, namespace: 'many' },
    { resourceVersion: undefined, timeoutSeconds: 5, idleTimeoutMs: 5_000, signal: new AbortController().signal },
  );
  await expect(refused.next()).rejects.toMatchObject({ code: 422, reason: 'Invalid' });

  const { reflector, store, failures, sessions, held } = watchConfigMaps(withoutStreams, 'many', 'pager');
  try {
    await reflector.synced;
    expect(store.size).toBeGreaterThanOrEqual(COUNT);
    await client.create(CONFIG_MAPS, configMap('many', 'later', 'y'));
    await vi.waitFor(() => expect(held()).toHaveProperty('later', 'y'), 10_000);
    expect(sessions).toEqual(['Stream', 'List', 'Watch']);
    expect(failures).toEqual([]);
  } finally {
    await reflector.stop();
  }
});

test('pages are of one version of the collection, and a page that etcd has forgotten is told as such', async () => {
  const scope = { resource: CONFIG_MAPS, namespace: 'many' };
  const first = await client.list(scope, 250);
  await client.create(CONFIG_MAPS, configMap('many', 'a-first-by-name', 'z'));
  const second = await client.list(scope, 250, first.next);
  expect([first.items.length, second.items.length]).toEqual([250, 250]);
  expect(second.resourceVersion).toBe(first.resourceVersion);
  await (await openEtcd(cluster)).compact();
  // Its own memory of versions goes further back than etcd's.
  await cluster.component('kube-apiserver').kill();
  await cluster.component('kube-apiserver').start();
  const third = client.list(scope, 250, second.next).then(({ items }) => items.length);
  await expect(third).rejects.toMatchObject({ code: 410, reason: 'Expired' });
});
