import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { MAIN_CONTAINER } from '../../contract/pod.ts';
import { KubeClient } from '../../kube/client.ts';
import { EventRecorder } from '../../kube/events.ts';
import { FakeClock } from '../../kube/fake-clock.ts';
import { sendFailure, sendJson, startScriptedServer } from '../../kube/scripted-server.ts';
import { createCaches, type RawEmulator } from './caches.ts';
import type { PodObject } from './cluster-object.ts';
import { EmulatorController } from './controller.ts';
import { MachineChannels } from './machines/channels.ts';
import { ANNOTATIONS, objectLabels } from './names.ts';
import { emulator, INSTALLATION } from './observed.fixture.ts';
import { EmulatorSecrets } from './secrets.ts';
import { SnapshotResolver } from './snapshot-resolver.ts';

const HOUR = 3_600_000;
const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** A controller that has found its Emulator, whose wall clock is set back by an hour whenever the test says so. */
async function setUp(refuse: { path: string; code: number; reason: string; instead?: object } | undefined = undefined) {
  const clock = new FakeClock();
  let version = 1000;
  let status: object | undefined;
  const server = await startScriptedServer((request, response, body) => {
    const path = request.url?.split('?')[0] ?? '';
    version += 1;
    if (refuse !== undefined && path.includes(refuse.path)) {
      if (request.method === 'GET') return sendJson(response, 200, refuse.instead);
      return sendFailure(response, refuse.code, refuse.reason);
    }
    const object = JSON.parse(body);
    if (path.endsWith('/status')) status = object.status;
    const metadata = { uid: `uid-${version}`, ...object.metadata, resourceVersion: String(version) };
    sendJson(response, 200, { ...object, metadata });
  });
  open.push(server.close);
  const client = new KubeClient(server.connection);
  const nothing = (): void => undefined;
  const base = { client, clock, random: () => 0.5 };
  const caches = createCaches({ ...base, namespaces: [], onFailure: nothing, onHandlerError: nothing });
  const now = () => new Date(clock.now());
  const monotonic = () => clock.monotonic();
  const channel = {
    follow: async () => undefined,
    readToken: async () => '',
    now: () => clock.now(),
    monotonic,
    after: clock.after.bind(clock),
    random: () => 0.5,
    onFailure: nothing,
  };
  const controller = new EmulatorController({
    client,
    caches,
    secrets: new EmulatorSecrets(client, (size) => Buffer.alloc(size, 7), monotonic),
    channels: new MachineChannels(channel, nothing),
    resolver: new SnapshotResolver({ client, oras: 'oras', now, monotonic, onEnd: nothing }),
    recorder: new EventRecorder({ ...base, reporter: { controller: 'test', instance: 'test' }, onDropped: nothing }),
    log: pino({ level: 'silent' }),
    installation: INSTALLATION,
    now,
    monotonic,
  });
  /** A pass over the Emulator as it was last stored. */
  const pass = () => {
    version += 1;
    const raw = emulator() as unknown as RawEmulator;
    const metadata = { ...raw.metadata, resourceVersion: String(version) };
    caches.emulators.store.set({ ...raw, metadata, ...(status === undefined ? {} : { status }) });
    return controller.reconcile('school/classroom');
  };
  const asked = (path: string): number => server.requests.filter((request) => request.includes(path)).length;
  return { clock, caches, pass, asked };
}

const pod = (waiting?: { reason: string; message: string }): PodObject => ({
  metadata: {
    name: 'classroom-0',
    namespace: 'school',
    uid: 'pod-0',
    resourceVersion: '1',
    labels: objectLabels('classroom'),
  },
  status: { containerStatuses: [{ name: MAIN_CONTAINER, state: waiting === undefined ? {} : { waiting } }] },
});

test.each<[string, Parameters<typeof pod>[0], number]>([
  ['a step of a machine that comes up', undefined, 10_000],
  ['what goes wrong', { reason: 'ErrImagePull', message: 'no such image' }, 1_000],
])(
  'a status that waits is stored in time when the wall clock is set back meanwhile: %s',
  async (_, waiting, waitMs) => {
    const { clock, caches, pass, asked } = await setUp();
    await pass();
    await clock.advance(1_000);
    await pass();
    expect(asked('/status')).toBe(1);
    caches.pods.store.set(pod(waiting));
    expect(await pass()).toEqual({ outcome: 'Again', afterMs: waitMs });
    expect(asked('/status')).toBe(1);
    clock.setWall(-HOUR);
    await clock.advance(waitMs);
    await pass();
    expect(asked('/status')).toBe(2);
  },
);

test('a name that was somebody else’s is looked at again in time when the wall clock is set back meanwhile', async () => {
  const reference = { apiVersion: 'v1', kind: 'Other', name: 'other', uid: 'other', controller: true };
  const metadata = { name: 'classroom', namespace: 'school', uid: 'theirs', ownerReferences: [reference] };
  const { clock, pass, asked } = await setUp({
    path: '/services',
    code: 409,
    reason: 'AlreadyExists',
    instead: { apiVersion: 'v1', kind: 'Service', metadata },
  });
  await pass();
  const before = asked('/services');
  await pass();
  expect(asked('/services')).toBe(before);
  clock.setWall(-HOUR);
  await clock.advance(30_000);
  await pass();
  expect(asked('/services')).toBeGreaterThan(before);
});

test('a claim that may not grow is asked again in time when the wall clock is set back meanwhile', async () => {
  const { clock, caches, pass, asked } = await setUp({
    path: '/persistentvolumeclaims',
    code: 403,
    reason: 'Forbidden',
  });
  caches.claims.store.set({
    metadata: {
      name: 'win98-disk-classroom-0',
      namespace: 'school',
      uid: 'claim-0',
      resourceVersion: '1',
      annotations: { [ANNOTATIONS.emulator]: 'classroom', [ANNOTATIONS.emulatorUid]: 'emulator-uid' },
    },
    spec: { resources: { requests: { storage: '1Gi' } } },
    status: { phase: 'Bound', capacity: { storage: '1Gi' } },
  });
  await pass();
  await pass();
  expect(asked('/persistentvolumeclaims')).toBe(1);
  clock.setWall(-HOUR);
  await clock.advance(30_000);
  await pass();
  expect(asked('/persistentvolumeclaims')).toBe(2);
});
