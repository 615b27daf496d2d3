import type http from 'node:http';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import type { AgentReport, ReportedDisk } from '../../contract/agent-report.ts';
import { MAIN_CONTAINER } from '../../contract/pod.ts';
import { KubeClient } from '../../kube/client.ts';
import { EventRecorder } from '../../kube/events.ts';
import { FakeClock, settle } from '../../kube/fake-clock.ts';
import { type ScriptedServer, sendFailure, sendJson, startScriptedServer } from '../../kube/scripted-server.ts';
import { type Caches, createCaches, type RawEmulator } from './caches.ts';
import type { PodObject } from './cluster-object.ts';
import { EmulatorController } from './controller.ts';
import { MachineChannels } from './machines/channels.ts';
import { ANNOTATIONS, childNames, objectLabels } from './names.ts';
import { disk, emulator, INSTALLATION, report } from './observed.fixture.ts';
import { EmulatorSecrets } from './secrets.ts';
import { SnapshotResolver } from './snapshot-resolver.ts';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

interface World {
  readonly server: ScriptedServer;
  readonly caches: Caches;
  readonly controller: EmulatorController;
  readonly clock: FakeClock;
  /** Requests that create a StatefulSet, by its name. */
  readonly statefulSets: string[];
  /** Methods of the requests about events, and their reasons, when all are written. */
  readonly events: () => Promise<string[]>;
  /** What each agent that is listened to says. */
  readonly says: (report: AgentReport) => void;
  /** Pods whose machines are listened to. */
  readonly followed: string[];
  /** Statuses as they were stored, by the Emulator's name. */
  readonly statuses: Map<string, { conditions: { type: string; reason: string }[] }>;
}

/**
 * A controller with empty caches that nothing fills, at an API server that takes whatever it is given, once `letGo` has
 * resolved and unless `answers` has answered.
 */
async function setUp(
  letGo: Promise<void> = Promise.resolve(),
  answers: (request: http.IncomingMessage, response: http.ServerResponse, body: string) => boolean = () => false,
): Promise<World> {
  const statefulSets: string[] = [];
  const followed: string[] = [];
  const told: string[] = [];
  const listeners = new Set<(report: AgentReport) => void>();
  const statuses: World['statuses'] = new Map();
  let version = 1000;
  const server = await startScriptedServer(async (request, response, body) => {
    await letGo;
    if (answers(request, response, body)) return;
    const object = JSON.parse(body);
    const path = request.url?.split('?')[0] ?? '';
    if (path.includes('/events')) told.push(`${request.method} ${object.reason}`);
    if (request.method === 'POST' && path.endsWith('/statefulsets')) statefulSets.push(object.metadata.name);
    if (path.endsWith('/status')) statuses.set(object.metadata.name, object.status);
    version += 1;
    const known = path.endsWith('/status') ? caches.emulators.store.get(`school/${object.metadata.name}`) : undefined;
    const metadata = { uid: `uid-${version}`, ...known?.metadata, ...object.metadata };
    sendJson(response, 200, { ...known, ...object, metadata: { ...metadata, resourceVersion: String(version) } });
  });
  open.push(server.close);
  const clock = new FakeClock();
  const client = new KubeClient(server.connection);
  const nothing = (): void => undefined;
  const base = { client, clock, random: () => 0.5 };
  const caches = createCaches({ ...base, namespaces: [], onFailure: nothing, onHandlerError: nothing });
  const now = () => new Date(clock.now());
  const recorder = new EventRecorder({
    ...base,
    reporter: { controller: 'test', instance: 'test' },
    onDropped: nothing,
  });
  const events = async () => {
    await recorder.drain();
    return told;
  };
  const controller = new EmulatorController({
    client,
    caches,
    secrets: new EmulatorSecrets(
      client,
      (size) => Buffer.alloc(size, 7),
      () => clock.monotonic(),
    ),
    channels: new MachineChannels(
      {
        follow: async ({ pod }, _, { signal, onReport }) => {
          followed.push(pod);
          listeners.add(onReport);
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          listeners.delete(onReport);
        },
        readToken: async () => '',
        now: () => clock.now(),
        monotonic: () => clock.monotonic(),
        after: (ms, action) => clock.after(ms, action),
        random: () => 0.5,
        onFailure: nothing,
      },
      nothing,
    ),
    resolver: new SnapshotResolver({ client, oras: 'oras', now, monotonic: () => clock.monotonic(), onEnd: nothing }),
    recorder,
    log: pino({ level: 'silent' }),
    installation: INSTALLATION,
    now,
    monotonic: () => clock.monotonic(),
  });
  const says = (report: AgentReport): void => {
    for (const listener of listeners) listener(report);
  };
  return { server, caches, controller, clock, statefulSets, events, says, followed, statuses };
}

/** An Emulator as the watch brings it; `made` says when it was made. */
function made(name: string, claimTemplateName: string, creationTimestamp: string): RawEmulator {
  const { metadata, ...rest } = emulator({ storage: { mode: 'Persistent', claimTemplateName } });
  return {
    ...rest,
    metadata: { ...metadata, name, uid: `${name}-uid`, creationTimestamp, resourceVersion: '1' },
  } as RawEmulator;
}

/** A machine's pod whose containers are being started. */
function startingPod(name: string): PodObject {
  const labels = objectLabels(name);
  return {
    metadata: { name: `${name}-0`, namespace: 'school', uid: `${name}-0-uid`, resourceVersion: '1', labels },
    status: { containerStatuses: [{ name: MAIN_CONTAINER, state: {} }] },
  };
}

test('who is just making machines on a claim that is nobody’s yet comes before an older Emulator that is seen meanwhile', async () => {
  const gate = Promise.withResolvers<void>();
  const { server, caches, controller, statefulSets, statuses } = await setUp(gate.promise);
  // Their machines would both mount win98-disk-x-y-0, which nobody has made.
  caches.emulators.store.set(made('y', 'win98-disk-x', '2026-01-02T00:00:00Z'));
  const younger = controller.reconcile('school/y');
  await expect.poll(() => server.requests.length).toBeGreaterThan(0);
  caches.emulators.store.set(made('x-y', 'win98-disk', '2026-01-01T00:00:00Z'));
  const older = controller.reconcile('school/x-y');
  gate.resolve();
  await Promise.all([younger, older]);
  expect(statefulSets).toEqual(['y']);
  const ready = statuses.get('x-y')?.conditions.find(({ type }) => type === 'Ready');
  expect(ready?.reason).toBe('ClaimOfAnotherEmulator');
});

test('without machines in the making, the older of two that want a claim has it', async () => {
  const { caches, controller, statefulSets } = await setUp();
  caches.emulators.store.set(made('y', 'win98-disk-x', '2026-01-02T00:00:00Z'));
  caches.emulators.store.set(made('x-y', 'win98-disk', '2026-01-01T00:00:00Z'));
  await controller.reconcile('school/y');
  await controller.reconcile('school/x-y');
  expect(statefulSets).toEqual(['x-y']);
});

test('the more Emulators have nothing to tell but that they come up, the longer each waits, and those that are gone don’t count', async () => {
  const { caches, controller, clock, statuses } = await setUp();
  const names = Array.from({ length: 12 }, (_, index) => `machine${index}`);
  let version = 5000;
  const seen = (name: string): RawEmulator => {
    const raw = made(name, 'win98-disk', '2026-01-01T00:00:00Z');
    version += 1;
    const status = statuses.get(name);
    return {
      ...raw,
      metadata: { ...raw.metadata, resourceVersion: String(version) },
      ...(status === undefined ? {} : { status }),
    };
  };
  const pass = (name: string) => {
    caches.emulators.store.set(seen(name));
    return controller.reconcile(`school/${name}`);
  };
  const waits = async () => {
    const all: unknown[] = [];
    for (const name of names) all.push(await pass(name));
    return all;
  };
  const again = (...ms: number[]) => ms.map((afterMs) => ({ outcome: 'Again', afterMs }));
  const first = await waits();
  expect(first.slice(0, 5)).toEqual(again(1_000, 1_000, 1_000, 1_200, 1_500));
  expect(first.slice(10)).toEqual(again(3_300, 3_600));
  await clock.advance(3_600);
  for (const name of names) {
    await pass(name);
    caches.pods.store.set(startingPod(name));
  }
  expect((await waits()).slice(9)).toEqual(again(10_000, 11_000, 12_000));
  caches.emulators.store.remove(seen('machine0'));
  await controller.reconcile('school/machine0');
  expect([await pass('machine11')]).toEqual(again(11_000));
  const leaving = seen('machine1');
  const metadata = { ...leaving.metadata, deletionTimestamp: '2026-01-02T00:00:00Z' };
  caches.emulators.store.set({ ...leaving, metadata });
  await controller.reconcile('school/machine1');
  expect([await pass('machine11')]).toEqual(again(10_000));
  expect([await pass('newcomer')]).toEqual(again(1_000));
});

test('in a namespace that is being deleted nothing is tried a second time', async () => {
  const { server, caches, controller } = await setUp(Promise.resolve(), (_request, response) => {
    sendJson(response, 403, {
      kind: 'Status',
      reason: 'Forbidden',
      message: 'it is being terminated',
      details: { causes: [{ reason: 'NamespaceTerminating' }] },
      code: 403,
    });
    return true;
  });
  caches.emulators.store.set(made('y', 'win98-disk', '2026-01-02T00:00:00Z'));
  expect(await controller.reconcile('school/y')).toEqual({ outcome: 'Done' });
  const asked = server.requests.length;
  expect(asked).toBeGreaterThan(0);
  expect(await controller.reconcile('school/y')).toEqual({ outcome: 'Done' });
  expect(server.requests).toHaveLength(asked);
});

test('a Secret that agents can read no token from is told of, with what to do', async () => {
  const { caches, controller, clock, statefulSets, statuses } = await setUp(Promise.resolve(), (request, response) => {
    if (!request.url?.includes('/secrets')) return false;
    if (request.method === 'POST') sendFailure(response, 409, 'AlreadyExists');
    else sendJson(response, 200, { metadata: { name: 'y-agent', namespace: 'school' }, data: {} });
    return true;
  });
  caches.emulators.store.set(made('y', 'win98-disk', '2026-01-02T00:00:00Z'));
  for (const _ of ['held back for a moment', 'stored']) {
    await expect(controller.reconcile('school/y')).rejects.toThrow(/y-agent/);
    await clock.advance(1_000);
  }
  const ready = statuses.get('y')?.conditions.find(({ type }) => type === 'Ready');
  expect(ready).toMatchObject({ reason: 'ApplyFailed', message: expect.stringMatching(/y-agent.*: delete it/) });
  expect(statefulSets).toEqual([]);
});

/** A webhook that fails on Services, as the API server tells of it. */
const brokenWebhook = (request: http.IncomingMessage, response: http.ServerResponse): boolean => {
  if (!request.url?.includes('/services')) return false;
  sendJson(response, 500, {
    kind: 'Status',
    reason: 'InternalError',
    message: 'failed calling webhook "w"',
    code: 500,
  });
  return true;
};

test('while something can not be applied for a moment, the status goes on saying what the machines do', async () => {
  const { caches, controller, clock, statuses } = await setUp(Promise.resolve(), brokenWebhook);
  const raw = made('y', 'win98-disk', '2026-01-02T00:00:00Z');
  const status = { observedGeneration: 1, replicas: 7, conditions: [], machines: [] };
  caches.emulators.store.set({ ...raw, metadata: { ...raw.metadata, generation: 1 }, status });
  for (const _ of ['held back for a moment', 'stored']) {
    await expect(controller.reconcile('school/y')).rejects.toThrow('failed calling webhook');
    await clock.advance(1_000);
  }
  expect(statuses.get('y')).toMatchObject({ observedGeneration: 1, replicas: 0 });
  expect(statuses.get('y')?.conditions.map(({ reason }) => reason)).not.toContain('ApplyFailed');
});

test('a spec that can not be applied is not called observed, and what goes on failing is told', async () => {
  const { caches, controller, clock, statuses } = await setUp(Promise.resolve(), brokenWebhook);
  const raw = made('y', 'win98-disk', '2026-01-02T00:00:00Z');
  const status = { observedGeneration: 1, replicas: 7, conditions: [], machines: [] };
  caches.emulators.store.set({ ...raw, metadata: { ...raw.metadata, generation: 2 }, status });
  for (const attempt of [1, 2, 3, 4]) {
    expect(statuses.size, `before attempt ${attempt}`).toBe(0);
    await expect(controller.reconcile('school/y')).rejects.toThrow('failed calling webhook');
    await clock.advance(1_000);
  }
  const ready = statuses.get('y')?.conditions.find(({ type }) => type === 'Ready');
  expect(ready).toMatchObject({ reason: 'ApplyFailed', message: expect.stringContaining('failed calling webhook') });
});

/** An Emulator whose status says that its machine runs, of which the caches say that its container was started again. */
function restarted({ caches }: Pick<World, 'caches'>): RawEmulator {
  const raw = made('y', 'win98-disk', '2026-01-02T00:00:00Z');
  const machine = { ordinal: 0, pod: 'y-0', phase: 'Running', ready: false, message: 'It runs.' };
  const containerStatuses = [{ name: MAIN_CONTAINER, state: {}, restartCount: 1 }];
  caches.pods.store.set({ ...startingPod('y'), status: { containerStatuses } });
  const emulator = { ...raw, status: { replicas: 1, conditions: [], machines: [machine] } } as RawEmulator;
  caches.emulators.store.set(emulator);
  return emulator;
}

test.each([
  ['the connection broke', (response: http.ServerResponse) => response.destroy()],
  ['the API server gave up waiting', (response: http.ServerResponse) => sendFailure(response, 504, 'Timeout')],
])('what a status tells is told once when it turns out to be stored, though %s', async (_, fail) => {
  const sent: RawEmulator['status'][] = [];
  const world = await setUp(Promise.resolve(), (request, response, body) => {
    if (!request.url?.includes('/status') || sent.length === 3) return false;
    sent.push(JSON.parse(body).status);
    fail(response);
    return true;
  });
  const { caches, controller, clock } = world;
  const raw = restarted(world);
  for (const _ of ['carried out', 'not', 'not']) {
    await expect(controller.reconcile('school/y')).rejects.toThrow();
    await clock.advance(1_000);
  }
  expect(new Set(sent.map((status) => JSON.stringify(status))).size).toBe(3);
  const [status] = sent;
  expect(await world.events()).toEqual([]);
  caches.emulators.store.set({ ...raw, metadata: { ...raw.metadata, resourceVersion: '5000' }, status });
  for (const _ of ['told', 'known']) {
    await controller.reconcile('school/y');
    expect(await world.events()).toEqual(['POST MachineRestarted']);
  }
});

test.each([
  ['who leads no longer', (response: http.ServerResponse) => response.destroy(), true],
  [
    'whose status was computed from an old one',
    (response: http.ServerResponse) => sendFailure(response, 409, 'Conflict'),
    false,
  ],
])('%s leaves it to the other leader to tell what that one stored', async (_, fail, ends) => {
  let isAway = true;
  const world = await setUp(Promise.resolve(), (request, response) => {
    if (!isAway || !request.url?.includes('/status')) return false;
    fail(response);
    return true;
  });
  const raw = restarted(world);
  await expect(world.controller.reconcile('school/y')).rejects.toThrow();
  if (ends) world.controller.turnEnded();
  isAway = false;
  const machine = { ordinal: 0, pod: 'y-0', phase: 'Pending', ready: false, restarts: 1, message: 'told by another' };
  const status = { replicas: 1, conditions: [], machines: [machine] };
  const metadata = { ...raw.metadata, resourceVersion: '5000' };
  world.caches.emulators.store.set({ ...raw, metadata, status } as RawEmulator);
  await world.controller.reconcile('school/y');
  expect(await world.events()).toEqual([]);
});

/** An Emulator whose machine has just said that it runs from a disk, and whose claim knows another or none. */
async function withDisk(world: World, observedGeneration: number, known?: ReportedDisk): Promise<void> {
  const { caches, controller, clock, says } = world;
  const { metadata, ...raw } = made('y', 'win98-disk', '2026-01-02T00:00:00Z');
  const machine = { ordinal: 0, pod: 'y-0', phase: 'Pending', ready: false, message: 'It starts.' };
  const status = { observedGeneration, replicas: 1, conditions: [], machines: [machine] };
  const annotations = {
    [ANNOTATIONS.emulator]: 'y',
    [ANNOTATIONS.emulatorUid]: 'y-uid',
    ...(known === undefined ? {} : { [ANNOTATIONS.disk]: JSON.stringify(known) }),
  };
  const claim = { name: 'win98-disk-y-0', namespace: 'school', uid: 'claim', resourceVersion: '1', annotations };
  caches.claims.store.set({ metadata: claim, status: { phase: 'Bound' } });
  const containerStatuses = [{ name: MAIN_CONTAINER, state: { running: {} } }];
  caches.pods.store.set({ ...startingPod('y'), status: { podIP: '10.0.0.1', containerStatuses } });
  caches.emulators.store.set({ ...raw, metadata: { ...metadata, generation: 2 } });
  await controller.reconcile('school/y');
  await settle();
  const stored = { ...metadata, generation: 2, resourceVersion: '4000' };
  caches.emulators.store.set({ ...raw, metadata: stored, status } as RawEmulator);
  says(report(0, { disk: disk(0) }));
  await clock.advance(1_000);
}

/** The same, a moment later: its claim doesn't tell of the disk yet, and its pod isn't Ready. */
async function withNewDisk(world: World, observedGeneration: number): Promise<void> {
  await withDisk(world, observedGeneration);
  expect(await world.controller.reconcile('school/y')).toEqual({ outcome: 'Again', afterMs: 2_000 });
  await world.clock.advance(2_000);
}

test('that a disk is not the one that the claim knew is told at once, before the claim forgets that one', async () => {
  const world = await setUp();
  await withDisk(world, 2, { ...disk(0), id: 'another' });
  await world.controller.reconcile('school/y');
  expect(world.caches.claims.store.get('school/win98-disk-y-0')?.metadata.annotations).toMatchObject({
    [ANNOTATIONS.disk]: JSON.stringify(disk(0)),
  });
  expect(await world.events()).toEqual(['POST DiskReplaced', 'POST DiskPrepared']);
});

test('while a disk waits to be told nothing else does: a spec that changes meanwhile is carried out', async () => {
  const world = await setUp();
  const { caches, controller, statefulSets } = world;
  await withDisk(world, 2);
  const claim = caches.claims.store.get('school/win98-disk-y-0');
  const raw = caches.emulators.store.get('school/y') as RawEmulator;
  const storage = { mode: 'Persistent', claimTemplateName: 'win98-disk', retention: { whenDeleted: 'Delete' } };
  const metadata = { ...raw.metadata, generation: 3, resourceVersion: '5000' };
  caches.emulators.store.set({ ...raw, metadata, spec: { ...(raw.spec as object), storage } });
  caches.statefulSets.store.remove({ metadata: { name: 'y', namespace: 'school', resourceVersion: '9999' } });
  expect(await controller.reconcile('school/y')).toEqual({ outcome: 'Again', afterMs: 2_000 });
  expect(statefulSets).toEqual(['y', 'y']);
  const owned = caches.claims.store.get('school/win98-disk-y-0');
  expect(owned?.metadata.ownerReferences).toMatchObject([{ kind: 'Emulator', name: 'y' }]);
  expect(owned?.metadata.annotations).toEqual(claim?.metadata.annotations);
  expect(await world.events()).toEqual([]);
});

test('while a disk waits to be told, what is found out meanwhile is told at once, and the disk with it', async () => {
  const reference = { apiVersion: 'v1', kind: 'Other', name: 'other', uid: 'other', controller: true };
  const theirs = { name: 'y', namespace: 'school', uid: 'theirs', ownerReferences: [reference] };
  let isTaken = false;
  const world = await setUp(Promise.resolve(), (request, response) => {
    if (!isTaken || !request.url?.includes('/services')) return false;
    if (request.method === 'GET') sendJson(response, 200, { metadata: theirs });
    else sendFailure(response, 409, 'AlreadyExists');
    return true;
  });
  await withDisk(world, 2);
  const service = { name: childNames.service('y'), namespace: 'school', resourceVersion: '9999' };
  world.caches.services.store.remove({ metadata: service });
  isTaken = true;
  await world.controller.reconcile('school/y');
  const events = await world.events();
  expect(events).toContain('POST DiskPrepared');
  expect(events).toHaveLength(2);
});

test('a disk is told at once where something else can not be carried out: the next try may be far off', async () => {
  let isBroken = false;
  const world = await setUp(Promise.resolve(), (request, response) => {
    if (!isBroken || !request.url?.includes('/networkpolicies')) return false;
    sendFailure(response, 500, 'InternalError');
    return true;
  });
  await withDisk(world, 2);
  const policy = { name: childNames.networkPolicy('y'), namespace: 'school', resourceVersion: '9999' };
  world.caches.networkPolicies.store.remove({ metadata: policy });
  isBroken = true;
  await expect(world.controller.reconcile('school/y')).rejects.toThrow();
  expect(await world.events()).toEqual(['POST DiskPrepared']);
});

test('what goes wrong with a disk is told once, though the machine says more while its claim is written on', async () => {
  const attempts = [{ source: 'Builtin' as const, reason: 'NotFound', message: 'there is none' }];
  const failed = (message: string) => report(0, { phase: 'DiskFailed', ready: false, message, attempts });
  let meanwhile = () => {};
  const world = await setUp(Promise.resolve(), (request) => {
    if (request.url?.includes('/persistentvolumeclaims')) meanwhile();
    return false;
  });
  await withDisk(world, 2, disk(0));
  meanwhile = () => world.says(failed('It was looked for again.'));
  world.says(failed('There is none.'));
  await world.controller.reconcile('school/y');
  expect(world.caches.claims.store.get('school/win98-disk-y-0')?.metadata.annotations).not.toHaveProperty([
    ANNOTATIONS.disk,
  ]);
  expect(await world.events()).toEqual(['POST DiskFailed']);
});

test('a disk that was made is written on its claim when it is told, and with it what the machine is by then', async () => {
  let isWriting = () => {};
  const world = await setUp(Promise.resolve(), (request) => {
    if (request.url?.includes('/persistentvolumeclaims')) isWriting();
    return false;
  });
  const { server, caches, controller, statuses } = world;
  await withNewDisk(world, 2);
  expect(server.requests.filter((request) => request.includes('/persistentvolumeclaims'))).toEqual([]);
  expect([await world.events(), statuses.size]).toEqual([[], 0]);
  const pod = caches.pods.store.get('school/y-0') as PodObject;
  isWriting = () => {
    const conditions = [{ type: 'Ready', status: 'True' }];
    const metadata = { ...pod.metadata, resourceVersion: '3' };
    caches.pods.store.set({ ...pod, metadata, status: { ...pod.status, conditions } });
  };
  await controller.reconcile('school/y');
  expect(server.requests.filter((request) => request.includes('/status'))).toHaveLength(1);
  expect(statuses.get('y')).toMatchObject({ machines: [{ ready: true, disk: { id: disk(0).id } }] });
  expect(await world.events()).toEqual(['POST DiskPrepared', 'POST MachineReady']);
});

test.each([
  { path: '/status', observed: 2, why: 'its status could not be stored', atOnce: [] },
  { path: '/networkpolicies', observed: 2, why: 'a policy could not be written', atOnce: ['POST DiskPrepared'] },
  { path: '/networkpolicies', observed: 1, why: 'a new spec could not be applied', atOnce: [] },
])('a disk is told of once, though its claim knew of it first and $why', async ({ path, observed, atOnce }) => {
  let isBroken = false;
  const world = await setUp(Promise.resolve(), (request, response) => {
    if (!isBroken || !request.url?.includes(path)) return false;
    sendFailure(response, 500, 'InternalError');
    return true;
  });
  const { caches, controller } = world;
  await withNewDisk(world, observed);
  const policy = { name: childNames.networkPolicy('y'), namespace: 'school', resourceVersion: '9999' };
  caches.networkPolicies.store.remove({ metadata: policy });
  isBroken = true;
  await expect(controller.reconcile('school/y')).rejects.toThrow();
  expect(caches.claims.store.get('school/win98-disk-y-0')?.metadata.annotations).toHaveProperty([ANNOTATIONS.disk]);
  expect(await world.events()).toEqual(atOnce);
  isBroken = false;
  await controller.reconcile('school/y');
  expect(await world.events()).toEqual(['POST DiskPrepared']);
});

test('that a spec is not understood is told once, though the answer to its status was lost', async () => {
  let status: RawEmulator['status'];
  const world = await setUp(Promise.resolve(), (request, response, body) => {
    if (!request.url?.includes('/status') || status !== undefined) return false;
    status = JSON.parse(body).status;
    response.destroy();
    return true;
  });
  const { caches, controller } = world;
  const { spec: _, ...raw } = made('y', 'win98-disk', '2026-01-02T00:00:00Z');
  caches.emulators.store.set(raw);
  await expect(controller.reconcile('school/y')).rejects.toThrow();
  caches.emulators.store.set({ ...raw, metadata: { ...raw.metadata, resourceVersion: '5000' }, status });
  for (const _ of ['told', 'known']) {
    expect(await controller.reconcile('school/y')).toMatchObject({ outcome: 'Terminal' });
    expect(await world.events()).toEqual(['POST InvalidSpec']);
  }
});

test('what a status tells that was lost on its way is told with the one that is stored', async () => {
  let failures = 1;
  const world = await setUp(Promise.resolve(), (request, response) => {
    if (!request.url?.includes('/status') || failures === 0) return false;
    failures -= 1;
    response.destroy();
    return true;
  });
  const raw = restarted(world);
  await expect(world.controller.reconcile('school/y')).rejects.toThrow();
  await world.controller.reconcile('school/y');
  expect(await world.events()).toEqual(['POST MachineRestarted']);
  const status = world.statuses.get('y') as RawEmulator['status'];
  world.caches.emulators.store.set({ ...raw, metadata: { ...raw.metadata, resourceVersion: '5000' }, status });
  await world.controller.reconcile('school/y');
  expect(await world.events()).toEqual(['POST MachineRestarted']);
});

test('a machine is listened to as soon as its pod runs, once its Emulator had its turn', async () => {
  const { caches, controller, followed } = await setUp();
  const raw = made('y', 'win98-disk', '2026-01-02T00:00:00Z');
  caches.emulators.store.set(raw);
  const pod = startingPod('y');
  const containerStatuses = [{ name: MAIN_CONTAINER, state: { running: {} } }];
  caches.pods.store.set({ ...pod, status: { podIP: '10.0.0.1', containerStatuses } });
  controller.podsChanged('school/y');
  expect(followed).toEqual([]);
  caches.pods.store.remove(pod);
  await controller.reconcile('school/y');
  expect(followed).toEqual([]);
  const running = { ...pod, metadata: { ...pod.metadata, resourceVersion: '3' } };
  caches.pods.store.set({ ...running, status: { podIP: '10.0.0.1', containerStatuses } });
  controller.podsChanged('school/y');
  await expect.poll(() => followed).toEqual(['y-0']);
});

test('of an Emulator that is not understood no machine is listened to', async () => {
  const { caches, controller, followed } = await setUp();
  const { spec: _, ...raw } = made('y', 'win98-disk', '2026-01-02T00:00:00Z');
  caches.emulators.store.set(raw);
  const containerStatuses = [{ name: MAIN_CONTAINER, state: { running: {} } }];
  caches.pods.store.set({ ...startingPod('y'), status: { podIP: '10.0.0.1', containerStatuses } });
  await controller.reconcile('school/y');
  controller.podsChanged('school/y');
  await settle();
  expect(followed).toEqual([]);
});

test('an Emulator that is gone is known until it was looked at once more', async () => {
  const { caches, controller } = await setUp();
  const raw = made('y', 'win98-disk', '2026-01-02T00:00:00Z');
  caches.emulators.store.set(raw);
  await controller.reconcile('school/y');
  caches.emulators.store.remove({ ...raw, metadata: { ...raw.metadata, resourceVersion: '9999' } });
  expect([...controller.known()]).toEqual(['school/y']);
  await controller.reconcile('school/y');
  expect([...controller.known()]).toEqual([]);
});
