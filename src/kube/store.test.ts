import { expect, test } from 'vitest';
import type { KubeObject } from './object.ts';
import { type Change, Store } from './store.ts';

function pod(name: string, resourceVersion: string, namespace = 'n', labels: Record<string, string> = {}): KubeObject {
  return { metadata: { name, namespace, resourceVersion, labels } };
}

function podOf(uid: string, resourceVersion: string, more: Partial<KubeObject['metadata']> = {}): KubeObject {
  return { metadata: { name: 'a', namespace: 'n', uid, resourceVersion, ...more } };
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

test('what equals a part of the object before it, or of its own last version, is in memory once', () => {
  const { store } = setUp();
  const labels = () => ({ app: 'x', part: 'y' });
  const labelsOf = (name: string) => store.get(`n/${name}`)?.metadata.labels;
  store.set(pod('a', '1', 'n', labels()));
  const first = labelsOf('a');
  store.set(pod('b', '2', 'n', labels()));
  expect(labelsOf('b')).toBe(first);
  store.set(pod('b', '3', 'n', { app: 'z' }));
  expect(labelsOf('b')).toEqual({ app: 'z' });
  store.set(pod('a', '4', 'n', labels()));
  expect(labelsOf('a')).toBe(first);
  expect(first).toEqual(labels());
  expect(store.get('n/a')?.metadata.resourceVersion).toBe('4');
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

test('what we created is there at once, for everybody who asks in any way', async () => {
  const { store } = setUp();
  store.addIndex('app', ({ metadata }) => [metadata.labels?.['app'] ?? '']);
  await store.ownWrite('n/a', async () => pod('a', '7', 'n', { app: 'x' }));
  expect(store.get('n/a')).toBeDefined();
  expect([...store.values()].map(({ metadata }) => metadata.name)).toEqual(['a']);
  expect(store.byIndex('app', 'x').map(({ metadata }) => metadata.name)).toEqual(['a']);
  store.set(pod('a', '7', 'n', { app: 'x' }));
  expect(store.byIndex('app', 'x')).toHaveLength(1);
});

test('a later version that the watch brings counts, also when it passed over our own', async () => {
  const { store } = setUp();
  await store.ownWrite('n/a', async () => pod('a', '7'));
  store.set(pod('a', '10'));
  expect(store.get('n/a')?.metadata.resourceVersion).toBe('10');
});

test('versions that are no numbers are only ever the same or another', async () => {
  const { store } = setUp();
  await store.ownWrite('n/a', async () => pod('a', 'v7'));
  store.set(pod('a', 'v9'));
  expect(store.get('n/a')?.metadata.resourceVersion).toBe('v7');
  store.set(pod('a', 'v7'));
  store.set(pod('a', 'v9'));
  expect(store.get('n/a')?.metadata.resourceVersion).toBe('v9');
});

test('the end of its predecessor does not end what we created in its place', async () => {
  const { store } = setUp();
  store.set(podOf('old', '1'));
  await store.ownWrite('n/a', async () => podOf('new', '7'));
  store.remove(podOf('old', '6'));
  expect(store.get('n/a')?.metadata.uid).toBe('new');
});

test('what we deleted is gone at once, and events from before do not bring it back', async () => {
  const { store } = setUp();
  store.addIndex('name', ({ metadata }) => [metadata.name]);
  store.set(podOf('u', '1'));
  await store.ownDelete('n/a', async () => 'Deleted');
  store.set(podOf('u', '5'));
  expect([store.get('n/a'), [...store.values()], store.byIndex('name', 'a')]).toEqual([undefined, [], []]);
});

test('an object that is made anew after we deleted it is seen', async () => {
  const { store } = setUp();
  store.set(podOf('u', '1'));
  await store.ownDelete('n/a', async () => 'Deleted');
  store.remove(podOf('u', '6'));
  store.set(podOf('new', '7'));
  expect(store.get('n/a')?.metadata.uid).toBe('new');
});

test('an object that has finalizers is seen to be leaving as soon as we deleted it', async () => {
  const { store } = setUp();
  store.set(podOf('u', '1'));
  await store.ownDelete('n/a', async () => 'Terminating');
  expect(store.get('n/a')?.metadata.deletionTimestamp).toBeDefined();
  store.set(podOf('u', '5'));
  expect(store.get('n/a')?.metadata.deletionTimestamp).toBeDefined();
  store.set(podOf('u', '6', { deletionTimestamp: '2026-01-01T00:00:00Z' }));
  expect(store.get('n/a')?.metadata).toMatchObject({ deletionTimestamp: '2026-01-01T00:00:00Z', resourceVersion: '6' });
});

test('an object that was replaced before we could delete it stays', async () => {
  const { store } = setUp();
  store.set(podOf('u', '1'));
  expect(await store.ownDelete('n/a', async () => 'Replaced')).toBe('Replaced');
  expect(store.get('n/a')?.metadata.uid).toBe('u');
});

test('a write that fails changes nothing', async () => {
  const { store } = setUp();
  store.set(podOf('u', '1'));
  await expect(store.ownWrite('n/a', () => Promise.reject(new Error('409')))).rejects.toThrow('409');
  await expect(store.ownDelete('n/a', () => Promise.reject(new Error('500')))).rejects.toThrow('500');
  expect(store.get('n/a')?.metadata.resourceVersion).toBe('1');
});

test('a list that was asked for before our write was answered does not hide it', async () => {
  const { store } = setUp();
  const list = store.beginFill(all);
  list.add(podOf('u', '1'));
  await store.ownWrite('n/a', async () => podOf('u', '107'));
  await store.ownWrite('n/b', async () => pod('b', '108'));
  await list.end('100');
  expect(store.get('n/a')?.metadata.resourceVersion).toBe('107');
  expect(store.get('n/b')).toBeDefined();
});

test('a list that was asked for after our write was answered ends what stood in, and who decided by it is told', async () => {
  const { store, changes } = setUp();
  await store.ownWrite('n/a', async () => pod('a', 'opaque'));
  const list = store.beginFill(all);
  await list.end('also-opaque');
  expect(store.get('n/a')).toBeUndefined();
  expect(changes).toEqual(['opaque>-']);
});

test('a list of one namespace settles nothing in another', async () => {
  const { store } = setUp();
  await store.ownWrite('n/a', async () => pod('a', '7'));
  await fill(store, [], ({ metadata }) => metadata.namespace === 'other');
  expect(store.get('n/a')).toBeDefined();
});

test('what stood in for too long is ended for those whom nobody asks for, and told', async () => {
  const { store, time, changes } = setUp();
  await store.ownWrite('n/a', async () => pod('a', '7'));
  time.now = 29_999;
  store.expire();
  expect(changes).toEqual([]);
  time.now = 30_000;
  store.expire();
  expect(changes).toEqual(['7>-']);
  expect([...store.values()]).toEqual([]);
});

test('a relist keeps the very objects that did not change', async () => {
  const { store } = setUp();
  await fill(store, [podOf('u', '1')], all);
  const before = store.get('n/a');
  await fill(store, [podOf('u', '1')], all);
  expect(store.get('n/a')).toBe(before);
});

test('the same version of another object is another object: etcd was made anew', async () => {
  const { store, changes } = setUp();
  await fill(store, [podOf('u', '1')], all);
  await fill(store, [podOf('w', '1')], all);
  expect(store.get('n/a')?.metadata.uid).toBe('w');
  expect(changes).toHaveLength(2);
});
