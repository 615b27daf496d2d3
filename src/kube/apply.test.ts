import { afterEach, expect, test } from 'vitest';
import { type Applier, applyIfChanged } from './apply.ts';
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
  const bodies: unknown[] = [];
  const server = await startScriptedServer((request, response, body) => {
    bodies.push(body === '' ? undefined : JSON.parse(body));
    answer(request, response, body);
  });
  open.push(server.close);
  const client = new KubeClient(server.connection);
  const isOurs = ({ metadata }: KubeObject) => metadata.labels?.['by'] === 'tester';
  const store = new Store<ConfigMap>({ now: () => 0, onHandlerError: () => undefined });
  const applier = { client, fieldManager: 'tester', hashAnnotation: 'x/hash', isOurs };
  const apply = (data: Record<string, string>, more: Partial<Applier> = {}, object?: KubeObject) => {
    const wanted = object ?? { metadata: { name: 'a', namespace: 'n' }, data };
    return applyIfChanged<ConfigMap>({ ...applier, ...more }, CONFIG_MAPS, store, wanted);
  };
  return { server, store, apply, bodies };
}

/** Stores what it is sent, with a new version each time. A POST is noted as an update of its field manager. */
function echo(): Answer {
  let version = 0;
  let stored: ConfigMap = { metadata: { name: 'a' } };
  return (request, response, body) => {
    version += 1;
    const sent = JSON.parse(body) as ConfigMap;
    const isOwnershipPatch = Array.isArray(sent);
    const managedFields = [
      { manager: 'other', operation: 'Update', subresource: 'status' },
      { manager: 'tester', operation: request.method === 'POST' ? 'Update' : 'Apply' },
    ];
    const object = isOwnershipPatch ? stored : sent;
    stored = { ...object, metadata: { ...object.metadata, uid: 'u', resourceVersion: String(version), managedFields } };
    sendJson(response, request.method === 'POST' ? 201 : 200, stored);
  };
}

const methods = (requests: readonly string[]): (string | undefined)[] => requests.map((each) => each.split(' ')[0]);

const POST = 'POST /api/v1/namespaces/n/configmaps?fieldManager=tester';
const APPLY = 'PATCH /api/v1/namespaces/n/configmaps/a?fieldManager=tester&force=false';
const FORCE = 'PATCH /api/v1/namespaces/n/configmaps/a?fieldManager=tester&force=true';

test('an object that is not there costs one write and no read, and is not created twice before the watch shows it', async () => {
  const { server, apply } = await setUp(echo());
  expect(await apply({ key: 'value' })).toEqual({ outcome: 'Created' });
  expect(await apply({ key: 'value' })).toEqual({ outcome: 'Unchanged' });
  expect(server.requests).toEqual([POST]);
});

test('the first change of what was created takes its fields over first, with the version as precondition', async () => {
  const { server, apply, bodies } = await setUp(echo());
  await apply({ one: '1', two: '2' });
  expect(await apply({ one: '1' })).toEqual({ outcome: 'Applied', overruled: [] });
  expect(await apply({ one: '2' })).toEqual({ outcome: 'Applied', overruled: [] });
  expect(methods(server.requests)).toEqual(['POST', 'PATCH', 'PATCH', 'PATCH']);
  expect(bodies[1]).toEqual([
    { op: 'replace', path: '/metadata/resourceVersion', value: '1' },
    { op: 'replace', path: '/metadata/managedFields/1/operation', value: 'Apply' },
  ]);
  expect(server.requests.slice(2)).toEqual([APPLY, APPLY]);
});

test('a change is for the object that it was decided on: its UID, in that version', async () => {
  const { store, apply, bodies } = await setUp(echo());
  store.set({ metadata: { name: 'a', namespace: 'n', uid: 'u', resourceVersion: '7' } });
  expect(await apply({ key: 'value' })).toMatchObject({ outcome: 'Applied' });
  expect(bodies).toMatchObject([{ metadata: { uid: 'u', resourceVersion: '7' }, data: { key: 'value' } }]);
});

test('what somebody changed behind our back is put right', async () => {
  const { server, store, apply } = await setUp(echo());
  await apply({ key: 'value' });
  const ours = store.get('n/a');
  store.set({ ...ours, metadata: { ...ours?.metadata, name: 'a', resourceVersion: '1' }, data: { key: 'value' } });
  store.set({ ...ours, metadata: { ...ours?.metadata, name: 'a', resourceVersion: '2' }, data: { key: 'spoilt' } });
  expect(await apply({ key: 'value' })).toEqual({ outcome: 'Applied', overruled: [] });
  expect(methods(server.requests).filter((method) => method === 'GET')).toEqual([]);
});

test('an object that was changed since the cache saw it is left as it is, and is no failure', async () => {
  const { server, store, apply } = await setUp((_request, response) => sendFailure(response, 409, 'Conflict'));
  store.set({ metadata: { name: 'a', namespace: 'n', uid: 'u', resourceVersion: '7' } });
  expect(await apply({ key: 'value' })).toEqual({ outcome: 'Stale' });
  expect(server.requests).toEqual([APPLY]);
});

test('fields that others had set are taken, and it is told whose they were', async () => {
  const message = 'conflict with "kubectl-edit" using v1 at 2026-01-01T00:00:00Z';
  const causes = [{ reason: 'FieldManagerConflict', message, field: '.data.key' }];
  const { server, store, apply } = await setUp((request, response, body) => {
    if (request.url?.includes('force=true')) return sendJson(response, 200, JSON.parse(body));
    return sendJson(response, 409, { kind: 'Status', reason: 'Conflict', code: 409, message, details: { causes } });
  });
  store.set({ metadata: { name: 'a', namespace: 'n', uid: 'u', resourceVersion: '7' }, data: { key: 'theirs' } });
  const overruled = [{ manager: 'kubectl-edit', field: '.data.key' }];
  expect(await apply({ key: 'value' })).toEqual({ outcome: 'Applied', overruled });
  expect(server.requests).toEqual([APPLY, FORCE]);
});

const nextVersion = (object: ConfigMap): ConfigMap => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: String(Number(object.metadata.resourceVersion) + 1) },
});

/** There is an object of that name already. */
const taken =
  (existing: ConfigMap | undefined): Answer =>
  (request, response, body) => {
    if (request.method === 'POST') return sendFailure(response, 409, 'AlreadyExists');
    if (request.method === 'PATCH') return sendJson(response, 200, nextVersion(JSON.parse(body) as ConfigMap));
    return existing === undefined ? sendFailure(response, 404, 'NotFound') : sendJson(response, 200, existing);
  };

const THEIRS = { metadata: { name: 'a', namespace: 'n', uid: 'u', resourceVersion: '1' }, data: { another: 'key' } };
const OURS = { ...THEIRS, metadata: { ...THEIRS.metadata, labels: { by: 'tester' } } };

test("somebody else's object of that name is left alone and told of, also where no field is set by both", async () => {
  const { server, apply } = await setUp(taken(THEIRS));
  expect(await apply({ key: 'value' })).toEqual({ outcome: 'Conflict', existing: THEIRS });
  expect(methods(server.requests)).toEqual(['POST', 'GET']);
});

test('our own object that the cache does not have yet is changed, and not asked for again', async () => {
  const { server, store, apply } = await setUp(taken(OURS));
  expect(await apply({ key: 'value' })).toEqual({ outcome: 'Applied', overruled: [] });
  expect(methods(server.requests)).toEqual(['POST', 'GET', 'PATCH']);
  expect(store.get('n/a')?.data).toEqual({ key: 'value' });
  expect(await apply({ key: 'value' })).toEqual({ outcome: 'Unchanged' });
});

test('an object that is gone when it is looked at is made then', async () => {
  let posts = 0;
  const { server, apply } = await setUp((request, response, body) => {
    if (request.method === 'GET') return sendFailure(response, 404, 'NotFound');
    posts += 1;
    return posts === 1 ? sendFailure(response, 409, 'AlreadyExists') : sendJson(response, 201, JSON.parse(body));
  });
  expect(await apply({ key: 'value' })).toEqual({ outcome: 'Created' });
  expect(methods(server.requests)).toEqual(['POST', 'GET', 'POST']);
});

test.each([false, true])(
  'an object that comes and goes faster than it is looked at, first or later (%s), is a failure, because no watch may tell of it',
  async (lookFirst) => {
    const { apply } = await setUp(taken(undefined));
    await expect(apply({ key: 'value' }, { lookFirst })).rejects.toMatchObject({ code: 409, reason: 'AlreadyExists' });
  },
);

test('a name that somebody else had is looked at before it is asked for: nothing is written in vain', async () => {
  const theirs = await setUp(taken(THEIRS));
  expect(await theirs.apply({ key: 'value' }, { lookFirst: true })).toEqual({ outcome: 'Conflict', existing: THEIRS });
  expect(methods(theirs.server.requests)).toEqual(['GET']);
  const free = await setUp((request, response, body) =>
    request.method === 'GET' ? sendFailure(response, 404, 'NotFound') : sendJson(response, 201, JSON.parse(body)),
  );
  expect(await free.apply({ key: 'value' }, { lookFirst: true })).toEqual({ outcome: 'Created' });
  expect(methods(free.server.requests)).toEqual(['GET', 'POST']);
});

test('what others add below a field of ours is theirs, unless the object is to be exactly as wanted', async () => {
  const { server, store, apply } = await setUp(echo());
  const spec = { selector: { app: 'a' }, peers: [{ labels: { team: 'a' } }] };
  const more = { exactSpec: true };
  const wanted = { metadata: { name: 'a', namespace: 'n' }, spec };
  const applyExactly = () => apply({}, { ...more }, wanted);
  await applyExactly();
  expect(methods(server.requests)).toEqual(['POST']);
  await applyExactly();
  expect(methods(server.requests)).toEqual(['POST']);
  const now = store.get('n/a');
  const extended = { ...spec, peers: [{ labels: { team: 'a' }, namespaces: {} }] };
  // The hash is still ours, and every field that we want is there.
  store.set({
    ...now,
    metadata: { ...now?.metadata, name: 'a', namespace: 'n', resourceVersion: '50' },
    spec: extended,
  } as ConfigMap);
  expect((await apply({}, {}, wanted)).outcome).toBe('Unchanged');
  expect((await applyExactly()).outcome).toBe('Applied');
});
