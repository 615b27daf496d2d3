import { afterEach, expect, test } from 'vitest';
import { KubeClient } from './client.ts';
import { addFinalizer, removeFinalizer } from './finalizers.ts';
import type { KubeObject } from './object.ts';
import { type Answer, sendFailure, sendJson, startScriptedServer } from './scripted-server.ts';
import { Store } from './store.ts';

const PODS = { group: '', version: 'v1', plural: 'pods', kind: 'Pod' };
const OURS = 'example.org/ours';
const THEIRS = 'example.org/theirs';

const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

function pod(metadata: Partial<KubeObject['metadata']>): KubeObject {
  return { metadata: { name: 'a', namespace: 'n', uid: 'u', resourceVersion: '7', ...metadata } };
}

const accepts: Answer = (_request, response, body) => {
  const { metadata } = JSON.parse(body) as KubeObject;
  sendJson(response, 200, { metadata: { ...metadata, resourceVersion: '8' } });
};

async function setUp(answer: Answer = accepts) {
  const bodies: unknown[] = [];
  const server = await startScriptedServer((request, response, body) => {
    bodies.push(JSON.parse(body));
    answer(request, response, body);
  });
  open.push(server.close);
  const store = new Store<KubeObject>({ now: () => 0, onHandlerError: () => undefined });
  return {
    bodies,
    context: { client: new KubeClient(server.connection), resource: PODS, store, fieldManager: 'tester' },
  };
}

test('a finalizer is added to those that are there, in the version that they were read in', async () => {
  const { bodies, context } = await setUp();
  expect(await addFinalizer(context, pod({ finalizers: [THEIRS] }), OURS)).toBe('Written');
  expect(bodies).toEqual([
    { metadata: { name: 'a', namespace: 'n', uid: 'u', resourceVersion: '7', finalizers: [THEIRS, OURS] } },
  ]);
});

test('what was written is what the next pass sees', async () => {
  const { bodies, context } = await setUp();
  await addFinalizer(context, pod({}), OURS);
  const written = context.store.get('n/a');
  expect(written === undefined ? undefined : await addFinalizer(context, written, OURS)).toBe('Unchanged');
  expect(bodies).toHaveLength(1);
});

test("removing ours leaves the others', and none where it was the only one", async () => {
  const { bodies, context } = await setUp();
  await removeFinalizer(context, pod({ finalizers: [OURS, THEIRS] }), OURS);
  await removeFinalizer(context, pod({ finalizers: [OURS] }), OURS);
  expect(bodies).toMatchObject([{ metadata: { finalizers: [THEIRS] } }, { metadata: { finalizers: [] } }]);
});

test('an object that has it not, or is being deleted already, is not written', async () => {
  const { bodies, context } = await setUp();
  expect(await removeFinalizer(context, pod({ finalizers: [THEIRS] }), OURS)).toBe('Unchanged');
  expect(await addFinalizer(context, pod({ deletionTimestamp: '2026-01-01T00:00:00Z' }), OURS)).toBe('Gone');
  expect(bodies).toEqual([]);
});

test.each([
  [409, 'Conflict', 'Stale'],
  [404, 'NotFound', 'Gone'],
])('an answer of %i %s is an outcome, %s', async (code, reason, outcome) => {
  const { context } = await setUp((_request, response) => sendFailure(response, code, reason));
  expect(await addFinalizer(context, pod({}), OURS)).toBe(outcome);
});
