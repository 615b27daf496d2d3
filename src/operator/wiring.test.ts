import { Socket } from 'node:net';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { MAIN_CONTAINER } from '../contract/pod.ts';
import { KubeClient } from '../kube/client.ts';
import { FakeClock } from '../kube/fake-clock.ts';
import { OperatorMetrics } from '../kube/metrics.ts';
import { type Answer, sendFailure, sendJson, startScriptedServer } from '../kube/scripted-server.ts';
import { createCaches, type RawEmulator } from './emulator/caches.ts';
import { LABELS } from './emulator/names.ts';
import { emulator } from './emulator/observed.fixture.ts';
import { readSettings } from './settings.ts';
import { wireController } from './wiring.ts';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function setUp(serves = true, answer: Answer = (_, response) => sendFailure(response, 403, 'Forbidden')) {
  const server = await startScriptedServer(answer);
  open.push(server.close);
  const clock = new FakeClock();
  const client = new KubeClient(server.connection);
  const nothing = (): void => undefined;
  const base = { client, clock, random: () => 0.5 };
  const caches = createCaches({ ...base, namespaces: [], onFailure: nothing, onHandlerError: nothing });
  const context = {
    connection: server.connection,
    connectToPod: () => new Socket(),
    settings: readSettings({ LOCO_DEFAULT_IMAGE: 'image' }, 'test'),
    identity: { holder: 'test', isPredecessor: () => false },
    metrics: new OperatorMetrics(),
    tracer: undefined,
    log: pino({ level: 'silent' }),
  };
  const served = { serves: () => serves };
  const parts = wireController(context, { client, unfenced: client, caches, clock, served });
  const see = (name: string) =>
    caches.emulators.store.set({ metadata: { name, namespace: 'n', uid: `${name}-uid`, resourceVersion: '1' } });
  return { parts, see, server, caches };
}

test('nothing is done for an Emulator in a namespace that is not served', async () => {
  for (const [serves, asks] of [
    [true, true],
    [false, false],
  ] as const) {
    const { parts, see, server } = await setUp(serves);
    parts.onTurn(true);
    see('a');
    parts.queue.start();
    await parts.queue.pause();
    expect(server.requests.length > 0).toBe(asks);
  }
});

test('what there is in a namespace that is served from now on is looked at', async () => {
  const { parts, see } = await setUp();
  parts.onTurn(true);
  see('a');
  parts.queue.start();
  await parts.queue.pause();
  expect(parts.queue.depth).toBe(0);
  parts.onServed('other');
  expect(parts.queue.depth).toBe(0);
  parts.onServed('n');
  expect(parts.queue.depth).toBe(1);
});

test('what caches tell is kept for work while this process leads, and all that is there comes with its turn', async () => {
  const { parts, see } = await setUp();
  see('a');
  see('b');
  expect(parts.queue.depth).toBe(0);
  parts.onTurn(true);
  expect(parts.queue.depth).toBe(2);
  see('c');
  expect(parts.queue.depth).toBe(3);
  parts.onTurn(false);
  see('d');
  expect(parts.queue.depth).toBe(3);
});

test('what could not be told while this process led is left to the leader after it', async () => {
  const told: string[] = [];
  let status: RawEmulator['status'];
  const { parts, see, caches } = await setUp(true, (request, response, body) => {
    if (request.url?.includes('/status')) {
      status = JSON.parse(body).status;
      sendFailure(response, 500, 'InternalError');
      return;
    }
    told.push(JSON.parse(body).reason);
    sendJson(response, 201, {});
  });
  parts.onTurn(true);
  see('a');
  parts.queue.start();
  await parts.queue.pause();
  parts.onTurn(false);
  caches.emulators.store.set({
    metadata: { name: 'a', namespace: 'n', uid: 'a-uid', resourceVersion: '2' },
    ...(status === undefined ? {} : { status }),
  });
  parts.onTurn(true);
  parts.queue.start();
  await parts.queue.pause();
  await parts.recorder.drain();
  const conditions = expect.arrayContaining([expect.objectContaining({ reason: 'InvalidSpec' })]);
  expect(status).toMatchObject({ conditions });
  expect(told).toEqual([]);
});

test('machines are listened to as their pods come up, and only while this process leads', async () => {
  const { parts, caches } = await setUp();
  const podRuns = (name: string) => {
    const metadata = { name: `${name}-0`, namespace: 'n', uid: `${name}-0`, resourceVersion: '1' };
    const containerStatuses = [{ name: MAIN_CONTAINER, state: { running: {} } }];
    const status = { podIP: '10.0.0.1', containerStatuses };
    caches.pods.store.set({ metadata: { ...metadata, labels: { [LABELS.instance]: name } }, status });
  };
  const listenedTo = () => ['a', 'b'].filter((name) => parts.channels.contacts(`n/${name}`).size > 0);
  parts.onTurn(true);
  for (const name of ['a', 'b']) {
    const { apiVersion, kind, spec } = emulator();
    const metadata = { name, namespace: 'n', uid: `${name}-uid`, resourceVersion: '1', generation: 1 };
    caches.emulators.store.set({ apiVersion, kind, spec, metadata } as RawEmulator);
  }
  parts.queue.start();
  await parts.queue.pause();
  expect(listenedTo()).toEqual([]);
  podRuns('a');
  expect(listenedTo()).toEqual(['a']);
  parts.onTurn(false);
  podRuns('b');
  expect(listenedTo()).toEqual([]);
});
