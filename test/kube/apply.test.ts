import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyIfChanged } from '../../src/kube/apply.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import { Store } from '../../src/kube/store.ts';
import {
  answersAbout,
  apply,
  CONFIG_MAPS,
  type ConfigMap,
  caughtUp,
  type Ground,
  openGround,
  ours,
  STATEFUL_SETS,
} from './tended.ts';

let ground: Ground;

beforeAll(async () => {
  ground = await openGround('loco-kube-apply');
});

afterAll(() => ground?.close());

function stored(name: string): Promise<ConfigMap | undefined> {
  return ground.onlooker.get<ConfigMap>(CONFIG_MAPS, 'default', name);
}

const data = async (name: string): Promise<unknown> => (await stored(name))?.data;

test('an object costs one write when it is made, two at its first change, one at each later one, and no read', async () => {
  const object = ours('counted', {});
  expect(await apply(ground, ours('counted', { a: '1' }))).toEqual({ outcome: 'Created' });
  expect(await answersAbout(ground, object)).toEqual(['create 201']);
  expect(await apply(ground, ours('counted', { a: '2' }))).toMatchObject({ outcome: 'Applied' });
  expect(await apply(ground, ours('counted', { a: '3' }))).toMatchObject({ outcome: 'Applied' });
  await caughtUp(ground, ground.configMaps, 'counted');
  expect(await apply(ground, ours('counted', { a: '3' }))).toEqual({ outcome: 'Unchanged' });
  expect(await answersAbout(ground, object)).toEqual(['create 201', 'patch 200', 'patch 200', 'patch 200']);
});

test.each(['at once', 'when the watch has shown it'])('a field that is left out later is removed, %s', async (when) => {
  const name = `left-out-${when.length}`;
  await apply(ground, ours(name, { stays: '1', goes: '2' }));
  if (when !== 'at once') await caughtUp(ground, ground.configMaps, name);
  await apply(ground, ours(name, { stays: '1' }));
  expect(await data(name)).toEqual({ stays: '1' });
  await apply(ground, ours(name, { stays: '1', comes: '3' }));
  await apply(ground, ours(name, { stays: '1' }));
  expect(await data(name)).toEqual({ stays: '1' });
});

test("another manager's field stays, and is no reason to write", async () => {
  await apply(ground, ours('shared', { ours: '1' }));
  await ground.kubectl('patch', 'configmap', 'shared', '--type=merge', '--patch={"data":{"theirs":"2"}}');
  await caughtUp(ground, ground.configMaps, 'shared');
  expect(await apply(ground, ours('shared', { ours: '1' }))).toEqual({ outcome: 'Unchanged' });
  expect(await apply(ground, ours('shared', { ours: '3' }))).toEqual({ outcome: 'Applied', overruled: [] });
  expect(await data('shared')).toEqual({ ours: '3', theirs: '2' });
});

test('a field of ours that somebody set is put right, and it is told who had set it', async () => {
  await apply(ground, ours('spoilt', { key: 'ours' }));
  const patch = '--patch={"data":{"key":"theirs"}}';
  await ground.kubectl('patch', 'configmap', 'spoilt', '--type=merge', '--field-manager=somebody', patch);
  await caughtUp(ground, ground.configMaps, 'spoilt');
  const overruled = [{ manager: 'somebody', field: '.data.key' }];
  expect(await apply(ground, ours('spoilt', { key: 'ours' }))).toEqual({ outcome: 'Applied', overruled });
  expect(await data('spoilt')).toEqual({ key: 'ours' });
});

test("somebody else's object of that name is left untouched", async () => {
  await ground.kubectl('create', 'configmap', 'foreign', '--from-literal=a=1');
  const before = await stored('foreign');
  // A controller's cache has only what carries its labels.
  const blind = new Store<ConfigMap>({ now: () => 0, onHandlerError: () => undefined });
  const outcome = await applyIfChanged(ground.applier, CONFIG_MAPS, blind, ours('foreign', { b: '2' }));
  expect(outcome).toEqual({ outcome: 'Conflict', existing: before });
  expect(await stored('foreign')).toEqual(before);
});

test('a cache that is late makes nothing twice, and what it lacks is brought to what is wanted', async () => {
  await apply(ground, ours('late', { a: '1', b: '1' }));
  const late = new Store<ConfigMap>({ now: () => 0, onHandlerError: () => undefined });
  const again = (wanted: ConfigMap) => applyIfChanged(ground.applier, CONFIG_MAPS, late, wanted);
  const { uid } = (await stored('late'))?.metadata ?? {};
  expect(await again(ours('late', { a: '2' }))).toEqual({ outcome: 'Applied', overruled: [] });
  expect(await again(ours('late', { a: '2' }))).toEqual({ outcome: 'Unchanged' });
  expect(await stored('late')).toMatchObject({ metadata: { uid }, data: { a: '2' } });
  expect(await data('late')).toEqual({ a: '2' });
});

test('an object that was changed, or made anew, since the cache saw it is not written', async () => {
  for (const name of ['changed', 'made-anew']) {
    await apply(ground, ours(name, { a: '1' }));
    const late = new Store<ConfigMap>({ now: () => 0, onHandlerError: () => undefined });
    const seen = await stored(name);
    if (seen !== undefined) late.set(seen);
    if (name === 'changed') await ground.kubectl('label', 'configmap', name, 'x=y');
    else {
      await ground.kubectl('delete', 'configmap', name);
      await ground.kubectl('create', 'configmap', name, '--from-literal=theirs=1');
    }
    const now = await stored(name);
    const outcome = await applyIfChanged(ground.applier, CONFIG_MAPS, late, ours(name, { a: '2' }));
    expect(outcome).toEqual({ outcome: 'Stale' });
    expect(await stored(name)).toEqual(now);
  }
});

test('an object that was applied, not created, by an earlier release is changed with one write', async () => {
  const wanted = ours('upgraded', { a: '1', b: '2' });
  await ground.client.apply(CONFIG_MAPS, wanted, { fieldManager: ground.applier.fieldManager, force: true });
  await caughtUp(ground, ground.configMaps, 'upgraded');
  await apply(ground, ours('upgraded', { a: '1' }));
  expect(await data('upgraded')).toEqual({ a: '1' });
  expect(await answersAbout(ground, wanted)).toEqual(['patch 201', 'patch 200']);
});

const statefulSet = (cpu: string): KubeObject => ({
  metadata: { name: 'defaults', namespace: 'default', labels: { by: ground.applier.fieldManager } },
  ...{
    spec: {
      serviceName: 'defaults',
      selector: { matchLabels: { app: 'x' } },
      template: {
        metadata: { labels: { app: 'x' } },
        spec: {
          containers: [{ name: 'c', image: 'i', env: [], resources: { requests: { cpu, memory: '1024Mi' } } }],
        },
      },
    },
  },
});

test('what the API server adds and rewrites of its own is no reason to write', async () => {
  const { statefulSets, applier } = ground;
  const write = (cpu: string) => applyIfChanged(applier, STATEFUL_SETS, statefulSets.store, statefulSet(cpu));
  expect(await write('0.5')).toEqual({ outcome: 'Created' });
  expect(await write('0.5')).toEqual({ outcome: 'Unchanged' });
  await caughtUp(ground, statefulSets, 'defaults');
  expect(await write('0.5')).toEqual({ outcome: 'Unchanged' });
  expect(await write('0.6')).toEqual({ outcome: 'Applied', overruled: [] });
});
