import { afterAll, beforeAll, expect, test } from 'vitest';
import { addFinalizer, removeFinalizer } from '../../src/kube/finalizers.ts';
import {
  apply,
  CONFIG_MAPS,
  type ConfigMap,
  caughtUp,
  FIELD_MANAGER,
  type Ground,
  openGround,
  ours,
  until,
} from './tended.ts';

const FINALIZER = 'example.org/ours';

let ground: Ground;

beforeAll(async () => {
  ground = await openGround('loco-kube-finalizers');
});

afterAll(() => ground?.close());

function context() {
  const { client, configMaps } = ground;
  return { client, store: configMaps.store, resource: CONFIG_MAPS, fieldManager: FIELD_MANAGER };
}

/** As the cache has it. */
function cached(name: string): ConfigMap {
  const object = ground.configMaps.store.get(`default/${name}`);
  if (object === undefined) throw new Error(`the cache has no ${name}`);
  return object;
}

async function make(name: string): Promise<void> {
  await apply(ground, ours(name, { a: '1' }));
  expect(await addFinalizer(context(), cached(name), FINALIZER)).toBe('Written');
}

test('an object stays until its finalizer is removed, and is gone then', async () => {
  await make('kept');
  expect(await addFinalizer(context(), cached('kept'), FINALIZER)).toBe('Unchanged');
  await ground.kubectl('delete', 'configmap', 'kept', '--wait=false');
  await until(() => cached('kept').metadata.deletionTimestamp !== undefined);
  expect(await addFinalizer(context(), cached('kept'), 'example.org/another')).toBe('Gone');
  expect(await removeFinalizer(context(), cached('kept'), FINALIZER)).toBe('Written');
  expect(await ground.onlooker.get(CONFIG_MAPS, 'default', 'kept')).toBeUndefined();
  await until(() => ground.configMaps.store.get('default/kept') === undefined);
});

test('a change that was made meanwhile is not undone', async () => {
  await make('changed');
  const old = cached('changed');
  await ground.kubectl(
    'patch',
    'configmap',
    'changed',
    '--type=merge',
    '--patch={"metadata":{"finalizers":["a.b/c"]}}',
  );
  expect(await removeFinalizer(context(), old, FINALIZER)).toBe('Stale');
  await caughtUp(ground, ground.configMaps, 'changed');
  expect(cached('changed').metadata.finalizers).toEqual(['a.b/c']);
});

test('a finalizer does not keep an apply from writing, nor is it removed by one', async () => {
  await make('applied');
  expect(await apply(ground, ours('applied', { a: '2' }))).toEqual({ outcome: 'Applied', overruled: [] });
  expect(cached('applied').metadata.finalizers).toEqual([FINALIZER]);
});

test('an object that is gone, or was made anew, is told as it is', async () => {
  await apply(ground, ours('gone', { a: '1' }));
  const old = cached('gone');
  await ground.kubectl('delete', 'configmap', 'gone');
  expect(await addFinalizer(context(), old, FINALIZER)).toBe('Gone');
  await ground.kubectl('create', 'configmap', 'gone');
  expect(await addFinalizer(context(), old, FINALIZER)).toBe('Stale');
});
