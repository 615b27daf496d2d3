import { expect, test } from 'vitest';
import type { KubeObject } from './object.ts';
import { type Change, Store } from './store.ts';

function pod(name: string, resourceVersion: string, namespace = 'n', labels: Record<string, string> = {}): KubeObject {
  return { metadata: { name, namespace, resourceVersion, labels } };
}

function setUp() {
  const time = { now: 0 };
  const errors: unknown[] = [];
  const changes: string[] = [];
  const store = new Store<KubeObject>({ now: () => time.now, onHandlerError: (error) => errors.push(error) });
  store.onChange(({ before, after }: Change<KubeObject>) => {
    changes.push(`${before?.metadata.resourceVersion ?? '-'}>${after?.metadata.resourceVersion ?? '-'}`);
  });
  return { store, time, errors, changes };
}

const all = (): boolean => true;

/** A list of version 100 that is asked for and answered at once. */
async function fill(store: Store<KubeObject>, objects: KubeObject[], mine: (object: KubeObject) => boolean) {
  const list = store.beginFill(mine);
  for (const object of objects) list.add(object);
  await list.end('100');
}

test('what comes out is sealed', () => {
  const { store } = setUp();
  store.set(pod('a', '1'));
  expect(() => Object.assign(store.get('n/a')?.metadata ?? {}, { name: 'b' })).toThrow(TypeError);
});

test('a relist tells of what was added, changed and removed, and of nothing else', async () => {
  const { store, changes } = setUp();
  await fill(store, [pod('same', '1'), pod('changed', '2'), pod('gone', '3')], all);
  changes.length = 0;
  await fill(store, [pod('same', '1'), pod('changed', '4'), pod('new', '5')], all);
  expect(changes.sort()).toEqual(['->5', '2>4', '3>-']);
});

test('a relist of one namespace leaves the others alone', async () => {
  const { store } = setUp();
  await fill(store, [pod('a', '1', 'x'), pod('b', '2', 'y')], all);
  await fill(store, [], ({ metadata }) => metadata.namespace === 'x');
  expect([...store.values()].map(({ metadata }) => metadata.name)).toEqual(['b']);
});

test('an index follows its objects', () => {
  const { store } = setUp();
  store.addIndex('app', ({ metadata }) => (metadata.labels?.['app'] === undefined ? [] : [metadata.labels['app']]));
  store.set(pod('a', '1', 'n', { app: 'x' }));
  store.set(pod('b', '2', 'n', { app: 'x' }));
  store.set(pod('a', '3', 'n', { app: 'y' }));
  expect(store.byIndex('app', 'x').map(({ metadata }) => metadata.name)).toEqual(['b']);
  store.remove(pod('a', '4'));
  expect(store.byIndex('app', 'y')).toEqual([]);
});

test('a handler that throws is reported and keeps neither the others nor the store from going on', () => {
  const { store, errors } = setUp();
  const heard: string[] = [];
  store.onChange(() => {
    throw new Error('broken handler');
  });
  store.onChange(({ after }) => heard.push(after?.metadata.name ?? ''));
  store.set(pod('a', '1'));
  store.set(pod('b', '2'));
  expect(heard).toEqual(['a', 'b']);
  expect(errors).toHaveLength(2);
});

test('our own write is seen at once, before the watch has delivered it', async () => {
  const { store } = setUp();
  store.set(pod('a', '1'));
  await store.ownWrite('n/a', async () => pod('a', '7'));
  expect(store.get('n/a')?.metadata.resourceVersion).toBe('7');
});

test('an event older than our own write does not hide it', async () => {
  const { store } = setUp();
  store.set(pod('a', '1'));
  await store.ownWrite('n/a', async () => pod('a', '7'));
  store.set(pod('a', '5'));
  expect(store.get('n/a')?.metadata.resourceVersion).toBe('7');
});

test('once our own write was delivered, later events count again', async () => {
  const { store } = setUp();
  store.set(pod('a', '1'));
  await store.ownWrite('n/a', async () => pod('a', '7'));
  store.set(pod('a', '7'));
  store.set(pod('a', '9'));
  expect(store.get('n/a')?.metadata.resourceVersion).toBe('9');
});

test('a write whose event and a later one came before its response hides nothing', async () => {
  const { store } = setUp();
  store.set(pod('a', '1'));
  await store.ownWrite('n/a', async () => {
    store.set(pod('a', '7'));
    store.set(pod('a', '9'));
    return pod('a', '7');
  });
  expect(store.get('n/a')?.metadata.resourceVersion).toBe('9');
});

test('an object that is removed after our own write is gone', async () => {
  const { store } = setUp();
  store.set(pod('a', '1'));
  await store.ownWrite('n/a', async () => pod('a', '7'));
  store.remove(pod('a', '8'));
  expect(store.get('n/a')).toBeUndefined();
});

test('an own write that is never delivered stands in for 30 s and no longer', async () => {
  const { store, time } = setUp();
  store.set(pod('a', '1'));
  await store.ownWrite('n/a', async () => pod('a', '7'));
  time.now = 30_001;
  expect(store.get('n/a')?.metadata.resourceVersion).toBe('1');
});
