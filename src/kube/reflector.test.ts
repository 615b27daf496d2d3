import type http from 'node:http';
import { afterEach, expect, test, vi } from 'vitest';
import { KubeClient } from './client.ts';
import { systemClock } from './clock.ts';
import type { KubeObject } from './object.ts';
import { Reflector } from './reflector.ts';
import { type ScriptedServer, sendFailure, sendJson, startScriptedServer } from './scripted-server.ts';
import { Store } from './store.ts';

const PODS = { group: '', version: 'v1', plural: 'pods', kind: 'Pod' };

const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

function pod(name: string, resourceVersion: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'n', resourceVersion } };
}

function list(resourceVersion: string, items: KubeObject[], next?: string): object {
  return { kind: 'PodList', metadata: { resourceVersion, ...(next === undefined ? {} : { continue: next }) }, items };
}

function event(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

/** One answer for each list and each watch in turn; the last of each is repeated. */
interface Script {
  readonly lists: ((response: http.ServerResponse, query: URLSearchParams) => void)[];
  readonly watches: ((response: http.ServerResponse, query: URLSearchParams) => void)[];
}

async function start(script: Script, options: { idleTimeoutMs?: number } = {}) {
  const take = <T>(answers: T[]): T | undefined => (answers.length > 1 ? answers.shift() : answers[0]);
  const server: ScriptedServer = await startScriptedServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    take(query.get('watch') === 'true' ? script.watches : script.lists)?.(response, query);
  });
  const store = new Store<KubeObject>({ now: Date.now, onHandlerError: () => undefined });
  const failures: string[] = [];
  const reflector = new Reflector<KubeObject>({
    client: new KubeClient(server.connection),
    scope: { resource: PODS, namespace: '' },
    store,
    clock: systemClock,
    random: () => 0.5,
    backoff: { firstMs: 5, capMs: 20 },
    onFailure: ({ error }) => failures.push(String(error)),
    ...options,
  });
  open.push(server.close, () => reflector.stop());
  reflector.start();
  const names = (): string[] => [...store.values()].map(({ metadata }) => metadata.name).sort();
  return { store, reflector, server, failures, names };
}

const hang = (response: http.ServerResponse): void => {
  response.writeHead(200).write(event('BOOKMARK', pod('', '900')));
};

test('all pages of a list arrive as one', async () => {
  const { reflector, names, server } = await start({
    lists: [
      (response) => sendJson(response, 200, list('1', [pod('a', '1')], 'page-2')),
      (response) => sendJson(response, 200, list('1', [pod('b', '1')])),
    ],
    watches: [hang],
  });
  await reflector.synced;
  expect(names()).toEqual(['a', 'b']);
  expect(server.requests[1]).toContain('continue=page-2');
});

test('a watch begins at the version of the list and keeps the store up to date', async () => {
  const { names, server } = await start({
    lists: [(response) => sendJson(response, 200, list('10', [pod('a', '1'), pod('b', '2')]))],
    watches: [
      (response) => {
        response.writeHead(200);
        response.write(event('ADDED', pod('c', '11')) + event('DELETED', pod('a', '12')));
      },
    ],
  });
  await vi.waitFor(() => expect(names()).toEqual(['b', 'c']));
  expect(server.requests[1]).toContain('resourceVersion=10');
});

test('a list that fails with 500 is tried again until it succeeds', async () => {
  const { names, failures } = await start({
    lists: [
      (response) => sendFailure(response, 500, 'InternalError'),
      (response) => sendFailure(response, 503, 'ServiceUnavailable'),
      (response) => sendJson(response, 200, list('1', [pod('a', '1')])),
    ],
    watches: [hang],
  });
  await vi.waitFor(() => expect(names()).toEqual(['a']));
  expect(failures).toHaveLength(2);
});

test('a watch that breaks is taken up from the last version that was seen, bookmarks included', async () => {
  const { server, names } = await start({
    lists: [(response) => sendJson(response, 200, list('10', []))],
    watches: [
      (response) => {
        response.writeHead(200);
        response.write(event('ADDED', pod('a', '11')) + event('BOOKMARK', pod('', '20')), () => response.destroy());
      },
      (response) => response.writeHead(200).write(event('ADDED', pod('b', '21'))),
    ],
  });
  await vi.waitFor(() => expect(names()).toEqual(['a', 'b']));
  expect(server.requests.filter((request) => request.includes('watch=true'))[1]).toContain('resourceVersion=20');
  expect(server.requests.filter((request) => !request.includes('watch=true'))).toHaveLength(1);
});

test.each([
  ['as an answer', (response: http.ServerResponse) => sendFailure(response, 410, 'Expired')],
  [
    'within the stream',
    (response: http.ServerResponse) =>
      response.writeHead(200).end(event('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' })),
  ],
])('a version that is too old, told %s, makes a new list whose differences arrive', async (_where, tooOld) => {
  const { names, store } = await start({
    lists: [
      (response) => sendJson(response, 200, list('10', [pod('gone', '1'), pod('kept', '2')])),
      (response) => sendJson(response, 200, list('50', [pod('kept', '2'), pod('new', '45')])),
    ],
    watches: [tooOld, hang],
  });
  const changes: string[] = [];
  store.onChange(({ before, after }) => changes.push(`${before?.metadata.name ?? ''}>${after?.metadata.name ?? ''}`));
  await vi.waitFor(() => expect(names()).toEqual(['kept', 'new']));
  expect(changes.filter((change) => change.includes('kept>'))).toEqual([]);
});

test('a handler that throws does not end the watch', async () => {
  const { names, store } = await start({
    lists: [(response) => sendJson(response, 200, list('10', []))],
    watches: [
      (response) => response.writeHead(200).write(event('ADDED', pod('a', '11')) + event('ADDED', pod('b', '12'))),
    ],
  });
  store.onChange(() => {
    throw new Error('broken handler');
  });
  await vi.waitFor(() => expect(names()).toEqual(['a', 'b']));
});

test('a connection that says nothing for too long is given up', async () => {
  const { server, failures } = await start(
    {
      lists: [(response) => sendJson(response, 200, list('10', []))],
      watches: [(response) => response.writeHead(200).flushHeaders(), hang],
    },
    { idleTimeoutMs: 60 },
  );
  await vi.waitFor(() => expect(server.requests.filter((r) => r.includes('watch=true')).length).toBeGreaterThan(1));
  expect(failures[0]).toMatch(/nothing heard/);
});

test('a server that asks for patience gets it', async () => {
  const at: number[] = [];
  await start({
    lists: [
      (response) => {
        at.push(performance.now());
        sendFailure(response, 429, 'TooManyRequests', { 'Retry-After': '1' });
      },
      (response) => {
        at.push(performance.now());
        sendJson(response, 200, list('1', []));
      },
    ],
    watches: [hang],
  });
  await vi.waitFor(() => expect(at).toHaveLength(2), { timeout: 3_000 });
  expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThan(990);
});

test('a server that ends every watch without a word is not asked in a tight loop', async () => {
  const { server, failures } = await start({
    lists: [(response) => sendJson(response, 200, list('10', []))],
    watches: [(response) => response.writeHead(200).end()],
  });
  await vi.waitFor(() => expect(failures.length).toBeGreaterThanOrEqual(3));
  expect(server.requests.length).toBeLessThan(12);
  expect(failures[0]).toMatch(/ended without an event/);
});

test('it has not synced before the first whole list', async () => {
  const { reflector, failures } = await start({
    lists: [(response) => sendFailure(response, 403, 'Forbidden')],
    watches: [hang],
  });
  await vi.waitFor(() => expect(failures.length).toBeGreaterThan(2));
  expect(reflector.hasSynced).toBe(false);
});
