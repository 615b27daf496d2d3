import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/kube/clock.ts';
import { EventRecorder, type Happening } from '../../src/kube/events.ts';
import type { KubeObject, Resource } from '../../src/kube/object.ts';
import { apply, CONFIG_MAPS, type Ground, openGround, ours } from './tended.ts';

const EVENTS: Resource = { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event' };
const HAPPENING: Happening = { type: 'Warning', reason: 'Broken', action: 'Look', note: 'it broke' };

type Event = KubeObject & {
  readonly reason: string;
  readonly note: string;
  readonly series?: { readonly count: number };
};

let ground: Ground;
let dropped: string[] = [];

beforeAll(async () => {
  ground = await openGround('loco-kube-events');
});

afterAll(() => ground?.close());

function recorder(): EventRecorder {
  dropped = [];
  return new EventRecorder({
    client: ground.client,
    clock: systemClock,
    random: Math.random,
    reporter: { controller: 'example.org/tester', instance: 'one' },
    onDropped: ({ reason }, error) => dropped.push(`${reason}: ${String(error)}`),
  });
}

async function regarding(name: string): Promise<KubeObject> {
  await apply(ground, ours(name, {}));
  const object = await ground.onlooker.get(CONFIG_MAPS, 'default', name);
  if (object === undefined) throw new Error(`${name} was not made`);
  return object;
}

async function eventsAbout({ metadata }: KubeObject): Promise<Event[]> {
  const { items } = await ground.onlooker.list<Event>({ resource: EVENTS, namespace: 'default' }, 500);
  return items.filter(({ metadata: { name } }) => name.startsWith(`${metadata.name}.`));
}

test('an event is one that the API server takes and kubectl shows', async () => {
  const events = recorder();
  events.record(await regarding('shown'), { ...HAPPENING, note: `it broke: ${'ä'.repeat(2_000)}` });
  await events.drain();
  expect(dropped).toEqual([]);
  expect(await ground.kubectl('events', '--for=configmap/shown')).toMatch(
    /Warning\s+Broken\s+ConfigMap\/shown\s+it broke: ä/,
  );
});

test('an event that happens again is counted up, and stays one event', async () => {
  const events = recorder();
  const object = await regarding('again');
  events.record(object, HAPPENING);
  events.record(object, HAPPENING);
  await events.drain();
  events.stop();
  expect(await eventsAbout(object)).toMatchObject([{ reason: 'Broken', series: { count: 2 } }]);
  expect(dropped).toEqual([]);
});

test('a flood about one object is as few events as client-go would write', async () => {
  const events = recorder();
  const object = await regarding('flood');
  for (let times = 0; times < 200; times += 1) {
    events.record(object, { ...HAPPENING, reason: `Broken${times % 50}`, note: `it broke ${times}` });
  }
  await events.drain();
  events.stop();
  expect(await eventsAbout(object)).toHaveLength(25);
  expect(dropped).toHaveLength(1);
});

test('an event that somebody deleted does not come back by being counted, and the next one is new', async () => {
  const events = recorder();
  const object = await regarding('deleted');
  events.record(object, HAPPENING);
  await events.drain();
  await ground.kubectl('delete', 'events', '--field-selector=involvedObject.name=deleted');
  events.record(object, HAPPENING);
  await events.drain();
  expect(await eventsAbout(object)).toEqual([]);
  events.record(object, HAPPENING);
  await events.drain();
  expect(await eventsAbout(object)).toMatchObject([{ reason: 'Broken' }]);
  expect(dropped).toEqual([]);
});
