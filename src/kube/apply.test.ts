import { afterEach, expect, test } from 'vitest';
import { applyIfChanged, isCovered } from './apply.ts';
import { KubeClient } from './client.ts';
import type { KubeObject } from './object.ts';
import { type Answer, sendFailure, sendJson, startScriptedServer } from './scripted-server.ts';
import { Store } from './store.ts';

const CONFIG_MAPS = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' };
type ConfigMap = KubeObject & { readonly data?: Record<string, string> };

const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function setUp(answer: Answer) {
  const server = await startScriptedServer(answer);
  open.push(server.close);
  const client = new KubeClient(server.connection);
  const isOurs = ({ metadata }: KubeObject) => metadata.labels?.['by'] === 'tester';
  const store = new Store<ConfigMap>({ now: () => 0, onHandlerError: () => undefined });
  const applier = { client, fieldManager: 'tester', hashAnnotation: 'x/hash', isOurs };
  const apply = (data: Record<string, string>) =>
    applyIfChanged<ConfigMap>(applier, CONFIG_MAPS, store, { metadata: { name: 'a', namespace: 'n' }, data });
  return { server, store, apply };
}

/** Stores what it is sent, with a new version each time; before that it has nothing. */
function echo(): Answer {
  let version = 0;
  return (request, response, body) => {
    if (request.method === 'GET') return sendFailure(response, 404, 'NotFound');
    version += 1;
    const object = JSON.parse(body) as ConfigMap;
    sendJson(response, 200, { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } });
  };
}

test('applying the same twice writes once, although the watch has delivered nothing yet', async () => {
  const { server, store, apply } = await setUp(echo());
  store.set({ metadata: { name: 'a', namespace: 'n', resourceVersion: '0' } });
  expect(await apply({ key: 'value' })).toEqual({ outcome: 'Applied' });
  expect(await apply({ key: 'value' })).toEqual({ outcome: 'Unchanged' });
  expect(server.requests).toEqual(['PATCH /api/v1/namespaces/n/configmaps/a?fieldManager=tester&force=true']);
});

test('a key that is wanted no more is removed by another write', async () => {
  const { server, apply } = await setUp(echo());
  await apply({ one: '1', two: '2' });
  await apply({ one: '1' });
  expect(server.requests.map((request) => request.split(' ')[0])).toEqual(['GET', 'PATCH', 'PATCH']);
});

test('what somebody changed behind our back is put right', async () => {
  const { server, store, apply } = await setUp(echo());
  await apply({ key: 'value' });
  const ours = store.get('n/a');
  store.set({ ...ours, metadata: { ...ours?.metadata, name: 'a', resourceVersion: '1' }, data: { key: 'value' } });
  store.set({ ...ours, metadata: { ...ours?.metadata, name: 'a', resourceVersion: '2' }, data: { key: 'spoilt' } });
  expect(await apply({ key: 'value' })).toEqual({ outcome: 'Applied' });
  expect(server.requests).toHaveLength(3);
});

const THEIRS = { metadata: { name: 'a', namespace: 'n' }, data: { another: 'key' } };

test("somebody else's object of that name is left alone and told of, also where no field is set by both", async () => {
  const { server, apply } = await setUp((_request, response) => sendJson(response, 200, THEIRS));
  expect(await apply({ key: 'value' })).toEqual({ outcome: 'Conflict', existing: THEIRS });
  expect(server.requests).toEqual(['GET /api/v1/namespaces/n/configmaps/a']);
});

test('our own object that the cache does not have yet is applied', async () => {
  const ours = { ...THEIRS, metadata: { ...THEIRS.metadata, labels: { by: 'tester' } } };
  const { apply } = await setUp((_request, response) => sendJson(response, 200, ours));
  expect(await apply({ key: 'value' })).toEqual({ outcome: 'Applied' });
});

test('who makes an object of that name just before us keeps it', async () => {
  const { server, apply } = await setUp((request, response) =>
    request.method === 'GET' ? sendFailure(response, 404, 'NotFound') : sendFailure(response, 409, 'Conflict'),
  );
  expect(await apply({ key: 'value' })).toEqual({ outcome: 'Conflict', existing: undefined });
  expect(server.requests[1]).toBe('PATCH /api/v1/namespaces/n/configmaps/a?fieldManager=tester&force=false');
});

test.each([
  ['equal values', { a: 1, b: ['x'] }, { a: 1, b: ['x'] }, true],
  ['fields that others set', { a: 1 }, { a: 1, b: 2 }, true],
  ['another value', { a: 1 }, { a: 2 }, false],
  ['a missing field', { a: 1 }, {}, false],
  ['an empty map that the server left out', { a: {} }, {}, true],
  ['an empty list that the server left out', { a: [] }, {}, true],
  ['quantities in another form', { cpu: '0.5', memory: '1024Mi' }, { cpu: '500m', memory: '1Gi' }, true],
  ['quantities that differ', { memory: '1Gi' }, { memory: '1G' }, false],
  [
    'named items in another order, with another among them',
    [{ name: 'a', v: 1 }],
    [{ name: 'b' }, { name: 'a', v: 1 }],
    true,
  ],
  ['a named item that is missing', [{ name: 'a' }], [{ name: 'b' }], false],
  ['a plain list that is longer', ['a'], ['a', 'b'], false],
])('%s', (_what, desired, actual, covered) => {
  expect(isCovered(desired, actual)).toBe(covered);
});
