import { afterEach, expect, test, vi } from 'vitest';
import { KubeClient } from './client.ts';
import { systemClock } from './clock.ts';
import { createInformer, type InformerContext } from './informer.ts';
import { type KubeObject, keyOf } from './object.ts';
import { endOfList, event, pod } from './reflector.fixture.ts';
import { sendFailure, startScriptedServer } from './scripted-server.ts';

/** How a controller reads the cluster: from caches that are kept, never from requests. */

const PODS = { group: '', version: 'v1', plural: 'pods', kind: 'Pod' };
type Pod = KubeObject & { readonly spec?: { readonly nodeName?: string } };

const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Streams these lines to each watch of a path, and whatever is said later. */
async function serve(lines: Readonly<Record<string, string>>): Promise<InformerContext> {
  const server = await startScriptedServer((request, response) => {
    response.writeHead(200).write(lines[new URL(request.url ?? '', 'http://x').pathname] ?? endOfList('1'));
  });
  ends.push(server.close);
  return {
    client: new KubeClient(server.connection),
    clock: systemClock,
    random: Math.random,
    namespaces: [],
    onFailure: ({ error }) => {
      throw error;
    },
    onHandlerError: (error) => {
      throw error;
    },
  };
}

const onNode = (name: string, nodeName: string): Pod => ({ ...pod(name, '5'), spec: { nodeName } });

test('an informer answers questions about what there is, and tells of what changes', async () => {
  const context = await serve({
    '/api/v1/pods':
      event('ADDED', onNode('a', 'one')) +
      event('ADDED', onNode('b', 'two')) +
      endOfList('10') +
      event('MODIFIED', { ...onNode('b', 'one'), metadata: { ...pod('b', '11').metadata } }),
  });

  // Declare what will be asked, and who is to hear of changes, before it starts.
  const pods = createInformer<Pod>(context, PODS);
  pods.store.addIndex('node', ({ spec }) => [spec?.nodeName ?? '']);
  const queue = new Set<string>();
  pods.store.onChange(({ before, after }) => {
    const changed = after ?? before;
    if (changed !== undefined) queue.add(keyOf(changed));
  });

  // It is started once; from then on it can be relied on.
  await pods.start();
  ends.push(() => pods.stop());
  expect(pods.hasSynced()).toBe(true);
  expect(pods.store.get('n/a')?.spec?.nodeName).toBe('one');
  await vi.waitFor(() => expect(pods.store.byIndex('node', 'one').map(keyOf)).toEqual(['n/a', 'n/b']), 10_000);
  expect([...queue]).toEqual(['n/a', 'n/b']);
});

test('an informer of some namespaces keeps them in one store, and nothing else', async () => {
  const inNamespace = (namespace: string, name: string): string =>
    event('ADDED', { metadata: { namespace, name, uid: name, resourceVersion: '3' } }) + endOfList('10');
  const context = await serve({
    '/api/v1/namespaces/red/pods': inNamespace('red', 'a'),
    '/api/v1/namespaces/blue/pods': inNamespace('blue', 'b'),
    '/api/v1/pods': inNamespace('green', 'c'),
  });
  const pods = createInformer<Pod>({ ...context, namespaces: ['red', 'blue'] }, PODS);
  await pods.start();
  ends.push(() => pods.stop());
  expect([...pods.store.values()].map(keyOf).sort()).toEqual(['blue/b', 'red/a']);
});

test('a namespace that is refused is told of by its name, and another is there all the same', async () => {
  const server = await startScriptedServer(({ url = '' }, response) => {
    if (url.includes('/namespaces/gone/')) return sendFailure(response, 403, 'Forbidden');
    response.writeHead(200).write(endOfList('1'));
  });
  ends.push(server.close);
  const failed: { readonly resource: string; readonly namespace: string }[] = [];
  const pods = createInformer<Pod>(
    {
      client: new KubeClient(server.connection),
      clock: systemClock,
      random: Math.random,
      namespaces: ['red', 'gone'],
      onFailure: ({ resource, namespace }) => failed.push({ resource, namespace }),
      onHandlerError: (error) => {
        throw error;
      },
    },
    PODS,
  );
  ends.push(() => pods.stop());
  void pods.start();
  await pods.synced('red');
  await vi.waitFor(() => expect(failed).toContainEqual({ resource: 'pods', namespace: 'gone' }), 30_000);
  expect([pods.hasSynced('red'), pods.hasSynced('gone'), pods.hasSynced()]).toEqual([true, false, false]);
});

test('an informer keeps of each object what is asked of it, without who set which field', async () => {
  const large = { ...onNode('a', 'one'), status: { huge: 'x'.repeat(1_000) } };
  const written = { ...large, metadata: { ...large.metadata, managedFields: [{ manager: 'kubelet' }] } };
  const context = await serve({ '/api/v1/pods': event('ADDED', written) + endOfList('10') });
  const pods = createInformer<Pod>(context, PODS, {
    transform: ({ metadata, spec }) => ({ metadata, ...(spec === undefined ? {} : { spec }) }),
  });
  await pods.start();
  ends.push(() => pods.stop());
  expect(pods.store.get('n/a')).toEqual({ metadata: large.metadata, spec: { nodeName: 'one' } });
});
