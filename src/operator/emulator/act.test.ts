import type http from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { KubeClient } from '../../kube/client.ts';
import { FakeClock } from '../../kube/fake-clock.ts';
import { sendFailure, sendJson, startScriptedServer } from '../../kube/scripted-server.ts';
import { type ActContext, carryOut } from './act.ts';
import { createCaches } from './caches.ts';
import type { StatefulSetObject } from './cluster-object.ts';
import { type Decision, decide } from './decide.ts';
import { emulator, INSTALLATION, NOW, observed } from './observed.fixture.ts';
import { RESOURCES } from './resource.ts';
import { EmulatorSecrets } from './secrets.ts';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

const school = emulator();
/** The first decision about an Emulator of which nothing is there. */
const first = decide(observed(school), INSTALLATION, NOW);
/** A decision that has nothing to be done. */
const idle: Decision = { ...first, objects: undefined };

/** What acting takes, at an API server that answers as the test says. */
async function setUp(answer: (method: string, path: string, response: http.ServerResponse, body: string) => void) {
  const server = await startScriptedServer(({ method = '', url = '' }, response, body) =>
    answer(method, url.split('?')[0] ?? '', response, body),
  );
  open.push(server.close);
  const client = new KubeClient(server.connection);
  const nothing = (): void => undefined;
  const base = { client, clock: new FakeClock(), random: () => 0 };
  const written: string[] = [];
  const deleted: string[] = [];
  const restarted: string[] = [];
  const context: ActContext = {
    client,
    caches: createCaches({ ...base, namespaces: [], onFailure: nothing, onHandlerError: nothing }),
    secrets: new EmulatorSecrets(
      client,
      (size) => Buffer.alloc(size, 7),
      () => 0,
    ),
    isTaken: () => false,
    onWrite: (what) => written.push(what),
    onClaimDeleted: (name) => deleted.push(name),
    onRestart: (pod) => restarted.push(pod),
  };
  return { context, written, deleted, restarted, server };
}

test.each([
  [409, 'Conflict'],
  [404, 'NotFound'],
])('a pod that changed or went before it could be told something is no failure: %d', async (code, reason) => {
  const { context, written, server } = await setUp((_method, _path, response) => sendFailure(response, code, reason));
  const nudge = { pod: 'classroom-0', uid: 'pod-0', resourceVersion: '1', annotations: {} };
  expect(await carryOut(context, school, { ...idle, nudges: [nudge] })).toMatchObject({ conflicts: [], refusals: [] });
  expect(server.requests).toEqual(['PATCH /api/v1/namespaces/school/pods/classroom-0']);
  expect(written).toEqual(['left Pod classroom-0 alone, which was changed meanwhile']);
});

test.each<[string, number, object, string[]]>([
  ['deleted', 200, { kind: 'Status', status: 'Success' }, ['disk']],
  ['changed or replaced meanwhile', 409, { kind: 'Status', reason: 'Conflict', code: 409 }, []],
  ['gone already', 404, { kind: 'Status', reason: 'NotFound', code: 404 }, []],
])('a claim that was %s is told of as what it is', async (_, code, answer, expected) => {
  const { context, deleted } = await setUp((_method, _path, response) => sendJson(response, code, answer));
  const claimDeletions = [{ name: 'disk', uid: 'claim-0', resourceVersion: '1', ordinal: 0 }];
  await carryOut(context, school, { ...idle, claimDeletions });
  expect(deleted).toEqual(expected);
});

describe('a machine that is to be restarted', () => {
  const restart = { name: 'classroom-0', uid: 'pod-0', resourceVersion: '5' };
  const key = 'school/classroom';
  /** What is applied comes back as it is. */
  const echo = (response: http.ServerResponse, body: string): void => {
    const { metadata, ...object } = JSON.parse(body);
    sendJson(response, 200, { ...object, metadata: { resourceVersion: '7', uid: 'of-it', ...metadata } });
  };
  const wanted = {
    ...first,
    objects: first.objects && { ...first.objects, secrets: { create: false, pods: [], againAfterMs: undefined } },
  };

  test('is deleted as it was looked at and told of, where everything was as wanted already', async () => {
    const deletions: unknown[] = [];
    const { context, written, restarted } = await setUp((method, path, response, body) => {
      if (method !== 'DELETE') return echo(response, body);
      deletions.push([path, JSON.parse(body).preconditions]);
      sendJson(response, 200, { metadata: { deletionTimestamp: '2026-11-21T10:00:00Z' } });
    });
    await carryOut(context, school, wanted);
    expect(context.caches.statefulSets.store.get(key)).toBeDefined();
    await carryOut(context, school, { ...wanted, restart });
    expect(deletions).toEqual([['/api/v1/namespaces/school/pods/classroom-0', { uid: 'pod-0', resourceVersion: '5' }]]);
    expect(restarted).toEqual(['classroom-0']);
    expect(written.at(-1)).toBe('deleted Pod classroom-0 (pod-0), to be made anew as the spec asks');
  });

  test('is left alone by the pass that changes its template: it might come up with the one before', async () => {
    const { context, restarted, server } = await setUp((_method, _path, response, body) => echo(response, body));
    await carryOut(context, school, { ...wanted, restart });
    expect(server.requests.filter((request) => request.startsWith('DELETE'))).toEqual([]);
    expect(restarted).toEqual([]);
  });

  test('is left alone by a pass that changes anything else, or makes Secrets', async () => {
    const { context, server } = await setUp((_method, _path, response, body) => echo(response, body));
    await carryOut(context, school, wanted);
    const objects = first.objects;
    if (objects === undefined) throw new Error('nothing is decided');
    const service = { ...objects.service, spec: { ...objects.service.spec, publishNotReadyAddresses: false } };
    await carryOut(context, school, { ...wanted, objects: { ...objects, ...wanted.objects, service }, restart });
    await carryOut(context, school, { ...first, restart });
    expect(server.requests.filter((request) => request.startsWith('DELETE'))).toEqual([]);
  });

  test.each([
    [409, 'Conflict'],
    [404, 'NotFound'],
  ])('is not told of when it is another pod by now: %d', async (code, reason) => {
    const { context, restarted } = await setUp((method, _path, response, body) =>
      method === 'DELETE' ? sendFailure(response, code, reason) : echo(response, body),
    );
    await carryOut(context, school, wanted);
    await carryOut(context, school, { ...wanted, restart });
    expect(restarted).toEqual([]);
  });
});

describe('a policy or a budget that can not be written', () => {
  const several = decide(observed(emulator({ replicas: 2 })), INSTALLATION, NOW);
  /** Refuses these kinds, and gives back what is written of others. */
  const refusing = (kinds: readonly string[]) =>
    setUp((_method, path, response, body) => {
      if (kinds.some((kind) => path.includes(`/${kind}`))) return sendFailure(response, 403, 'Forbidden');
      const { metadata, ...object } = JSON.parse(body);
      sendJson(response, 200, { ...object, metadata: { resourceVersion: '7', uid: 'of-it', ...metadata } });
    });
  const there: StatefulSetObject = {
    metadata: { name: 'classroom', namespace: 'school', uid: 's', resourceVersion: '1' },
  };
  const writes = (server: { requests: readonly string[] }) =>
    server.requests.filter((each) => each.includes('statefulsets'));

  test.each([
    ['networkpolicies', 'a NetworkPolicy'],
    ['poddisruptionbudgets', 'a PodDisruptionBudget'],
  ])('keeps nobody from stopping machines that are there: %s', async (kind) => {
    const { context, server } = await refusing([kind]);
    context.caches.statefulSets.store.set(there);
    const { failure } = await carryOut(context, school, several);
    expect(writes(server)).toHaveLength(1);
    expect(failure).toMatchObject({ code: 403 });
  });

  test('keeps machines from being made where it is the policy, since they would be open to everyone', async () => {
    const { context, server } = await refusing(['networkpolicies']);
    await expect(carryOut(context, school, several)).rejects.toMatchObject({ code: 403 });
    expect(writes(server)).toEqual([]);
  });

  test('does not keep them from being made where it is the budget', async () => {
    const { context, server } = await refusing(['poddisruptionbudgets']);
    expect((await carryOut(context, school, several)).failure).toMatchObject({ code: 403 });
    expect(writes(server)).toHaveLength(1);
  });
});

test.each<[string, Partial<Decision>, (path: string) => boolean, (path: string) => boolean]>([
  ['its own objects', first, (path) => path.endsWith('/configmaps'), (path) => path.endsWith('/services')],
  ['its Secrets', first, (path) => path.endsWith('/classroom-agent'), (path) => path.endsWith('/classroom-vnc')],
  [
    'what it does besides',
    {
      nudges: [{ pod: 'classroom-0', uid: 'pod-0', resourceVersion: '1', annotations: {} }],
      claimDeletions: [{ name: 'disk', uid: 'claim-0', resourceVersion: '1', ordinal: 0 }],
    },
    (path) => path.endsWith('/pods/classroom-0'),
    (path) => path.endsWith('/persistentvolumeclaims/disk'),
  ],
])('a pass that fails has ended when nothing that it began is under way: %s', async (_, more, fails, isSlow) => {
  const order: string[] = [];
  const slow = Promise.withResolvers<() => void>();
  const failing = Promise.withResolvers<void>();
  const { context } = await setUp((method, path, response, body) => {
    const name = method === 'POST' ? JSON.parse(body).metadata.name : '';
    const answer = () => sendJson(response, 200, body === '' ? { metadata: { name } } : JSON.parse(body));
    if (isSlow(path) || isSlow(`${path}/${name}`)) return slow.resolve(answer);
    if (!fails(path) && !fails(`${path}/${name}`)) return answer();
    sendFailure(response, 500, 'InternalError');
    failing.resolve();
  });
  const pass = carryOut(context, school, { ...idle, ...more }).catch((error: unknown) => order.push(String(error)));
  const answerSlow = await slow.promise;
  await failing.promise;
  // The failure has come before the answers to what is asked after it.
  for (let times = 0; times < 3; times += 1) await context.client.get(RESOURCES.secret, 'school', 'other');
  order.push('answered');
  answerSlow();
  await pass;
  expect(order).toEqual(['answered', expect.stringMatching(/InternalError/)]);
});
