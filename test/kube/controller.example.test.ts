import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSimulatedCluster, type SimulatedCluster } from '../../scripts/cluster/simulated/index.ts';
import {
  addFinalizer,
  applyIfChanged,
  createInformer,
  EventRecorder,
  KubeClient,
  type KubeObject,
  keyOf,
  LeaderElection,
  openConnection,
  type Resource,
  removeFinalizer,
  systemClock,
  Workers,
  WorkQueue,
  type WorkResult,
} from '../../src/kube/index.ts';
import { until } from './tended.ts';

const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' };
const SECRETS: Resource = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' };
const FINALIZER = 'example.org/copied';
const LABEL = 'example.org/copy';

type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>> };
type Secret = KubeObject & { readonly data?: Readonly<Record<string, string>> };

/**
 * A whole controller: of each ConfigMap with the label there is a Secret with the same content, in whatever namespace
 * the copies go to, so that no owner reference can clean up.
 */
async function startController(kubeconfig: string, identity: string) {
  const clock = systemClock;
  const random = Math.random;
  const connection = await openConnection(clock, kubeconfig);
  const userAgent = `example/${identity}`;
  const unfenced = new KubeClient(connection, { userAgent });
  const fail = (error: unknown): void => void process.stderr.write(`${String(error)}\n`);
  const election = new LeaderElection({
    client: unfenced,
    clock,
    namespace: 'default',
    name: 'example',
    identity,
    onInterrupted: (interrupted) => (interrupted ? void queue.pause() : queue.start()),
    onFailure: fail,
  });
  const client = new KubeClient(connection, { userAgent, fence: election });
  const fieldManager = 'example';
  const informing = {
    client,
    clock,
    random,
    namespaces: [],
    fieldManagers: [fieldManager],
    onFailure: ({ error }: { error: unknown }) => fail(error),
    onHandlerError: fail,
  };
  const originals = createInformer<ConfigMap>(informing, CONFIG_MAPS, { labelSelector: LABEL });
  const copies = createInformer<Secret>(informing, SECRETS, { labelSelector: LABEL });
  const isOurs = ({ metadata }: KubeObject): boolean => metadata.labels?.[LABEL] === 'copy';
  const applier = { client, fieldManager, hashAnnotation: 'example.org/hash', isOurs };
  const reporter = { controller: 'example.org/copier', instance: identity };
  const recorder = new EventRecorder({
    client: unfenced,
    clock,
    random,
    reporter,
    onDropped: (_, error) => fail(error),
  });
  const finalizing = { client, resource: CONFIG_MAPS, store: originals.store, fieldManager };

  const reconcile = async (key: string): Promise<WorkResult> => {
    const original = originals.store.get(key);
    if (original === undefined) return { outcome: 'Done' };
    const { name, deletionTimestamp } = original.metadata;
    const copy = copies.store.get(`kube-public/${name}`);
    if (deletionTimestamp !== undefined) {
      const { uid = '' } = copy?.metadata ?? {};
      if (copy !== undefined) {
        await copies.store.ownDelete(keyOf(copy), () =>
          client.delete(SECRETS, { namespace: 'kube-public', name, uid }),
        );
      }
      await removeFinalizer(finalizing, original, FINALIZER);
      return { outcome: 'Done' };
    }
    const kept = await addFinalizer(finalizing, original, FINALIZER);
    if (kept === 'Stale' || kept === 'Gone') return { outcome: 'Done' };
    const data = Object.fromEntries(Object.entries(original.data ?? {}).map(([key, text]) => [key, btoa(text)]));
    const metadata = { name, namespace: 'kube-public', labels: { [LABEL]: 'copy' } };
    const { outcome } = await applyIfChanged(applier, SECRETS, copies.store, { metadata, data });
    if (outcome === 'Created') {
      recorder.record(original, {
        type: 'Normal',
        reason: 'Copied',
        action: 'Copy',
        note: 'made a copy in kube-public',
      });
    }
    return { outcome: 'Done' };
  };

  const queue = new WorkQueue({ work: reconcile, workers: new Workers(4), clock, random });
  originals.store.onChange(({ before, after }) => {
    const object = after ?? before;
    if (object !== undefined) queue.add(keyOf(object));
  });
  copies.store.onChange(({ before, after }) => {
    const object = after ?? before;
    if (object !== undefined) queue.add(`default/${object.metadata.name}`);
  });
  await Promise.all([originals.start(), copies.start()]);
  const leading = (async () => {
    while (await election.acquire()) {
      queue.start();
      if ((await election.hold()) === 'Released') return;
      await queue.pause();
    }
  })();
  return {
    stop: async () => {
      await queue.drain();
      await election.release();
      await leading;
      await recorder.drain();
      await Promise.all([originals.stop(), copies.stop()]);
      connection.agent.destroy();
    },
  };
}

let cluster: SimulatedCluster;
let onlooker: KubeClient;
let controller: Awaited<ReturnType<typeof startController>>;

beforeAll(async () => {
  cluster = await openSimulatedCluster('loco-kube-example', { parts: 'api' });
  onlooker = new KubeClient(await openConnection(systemClock, cluster.kubeconfig));
  controller = await startController(cluster.kubeconfig, 'first');
});

afterAll(async () => {
  await controller?.stop();
  await cluster?.down();
});

const copyOf = (name: string): Promise<Secret | undefined> => onlooker.get<Secret>(SECRETS, 'kube-public', name);

const original = (text: string): ConfigMap => ({
  metadata: { name: 'a', namespace: 'default', labels: { [LABEL]: 'original' } },
  data: { text },
});

const copied = (text: string) => () => copyOf('a').then((copy) => copy?.data?.['text'] === btoa(text));

test('a controller makes what is missing, follows changes, and repairs what others do', async () => {
  await onlooker.create(CONFIG_MAPS, original('one'));
  await until(copied('one'));
  await onlooker.patch(CONFIG_MAPS, original('two'));
  await until(copied('two'));
  await onlooker.patch(SECRETS, {
    ...original('spoilt'),
    metadata: { name: 'a', namespace: 'kube-public' },
    data: { text: '' },
  } as Secret);
  await until(copied('two'));
  const { uid = '' } = (await copyOf('a'))?.metadata ?? {};
  await onlooker.delete(SECRETS, { namespace: 'kube-public', name: 'a', uid });
  await until(copied('two'));
});

test('its successor goes on where it stopped, and cleans up what it made', async () => {
  await controller.stop();
  await onlooker.patch(CONFIG_MAPS, original('three'));
  controller = await startController(cluster.kubeconfig, 'second');
  await until(copied('three'));
  const { uid = '' } = (await onlooker.get(CONFIG_MAPS, 'default', 'a'))?.metadata ?? {};
  expect(await onlooker.delete(CONFIG_MAPS, { namespace: 'default', name: 'a', uid })).toBe('Terminating');
  await until(async () => (await onlooker.get(CONFIG_MAPS, 'default', 'a')) === undefined);
  expect(await copyOf('a')).toBeUndefined();
});
