import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { KubeClient } from './client.ts';
import type { KubeObject } from './object.ts';
import { type Answer, sendFailure, sendJson, startScriptedServer } from './scripted-server.ts';
import type { RequestObservation } from './transport.ts';

const PODS = { group: '', version: 'v1', plural: 'pods', kind: 'Pod' };
const POD: KubeObject = { metadata: { name: 'a', namespace: 'n', uid: 'u' } };

const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function start(answer: Answer) {
  const server = await startScriptedServer(answer);
  open.push(server.close);
  return server;
}

const echo: Answer = (_request, response, body) => sendJson(response, 200, body === '' ? {} : JSON.parse(body));

/** Everything that changes something. */
const writes: readonly [string, (client: KubeClient) => Promise<unknown>][] = [
  ['post', (client) => client.post(PODS, POD)],
  ['create', (client) => client.create(PODS, POD)],
  ['replace', (client) => client.replace(PODS, POD)],
  ['apply', (client) => client.apply(PODS, POD, { fieldManager: 'm', force: false })],
  ['patch', (client) => client.patch(PODS, POD)],
  ['jsonPatch', (client) => client.jsonPatch(PODS, { namespace: 'n', name: 'a' }, [])],
  ['delete', (client) => client.delete(PODS, { namespace: 'n', name: 'a', uid: 'u' })],
];

test.each(writes)('with nothing left of the lease %s sends nothing', async (_name, write) => {
  const server = await start(echo);
  const client = new KubeClient(server.connection, { fence: { remainingMs: () => 0 } });
  await expect(write(client)).rejects.toMatchObject({ code: 0, reason: 'NotLeader' });
  expect(server.requests).toEqual([]);
});

test.each(writes)(
  '%s tells the server how much is left of the lease, and leaves when there is something',
  async (_name, write) => {
    const server = await start(echo);
    await write(new KubeClient(server.connection, { fence: { remainingMs: () => 4_321.9 } }));
    expect(server.requests).toEqual([expect.stringMatching(/[?&]timeout=4321ms$/)]);
  },
);

test('without an election writes have no deadline', async () => {
  const server = await start(echo);
  await new KubeClient(server.connection, { fence: { remainingMs: () => Number.POSITIVE_INFINITY } }).patch(PODS, POD);
  expect(server.requests).toEqual(['PATCH /api/v1/namespaces/n/pods/a']);
});

test('reading passes no fence', async () => {
  const server = await start((_request, response) => sendJson(response, 200, { metadata: {}, items: [] }));
  const client = new KubeClient(server.connection, { fence: { remainingMs: () => 0 } });
  await client.get(PODS, 'n', 'a');
  await client.list({ resource: PODS, namespace: 'n' }, 10);
  expect(server.requests).toHaveLength(2);
});

test('a write that the server sits on is given up when the lease is used up, as not the leader', async () => {
  let closed = false;
  const server = await start((request) => {
    request.socket.once('close', () => {
      closed = true;
    });
  });
  const client = new KubeClient(server.connection, { fence: { remainingMs: () => 50 } });
  await expect(client.patch(PODS, POD)).rejects.toMatchObject({ code: 0, reason: 'NotLeader' });
  await vi.waitFor(() => expect(closed).toBe(true), 10_000);
});

test('the fence is asked when the connection stands, not when the request is made', async () => {
  let remainingMs = 60_000;
  const server = await start(echo);
  const { port } = server.connection.server;
  // A name that resolves late, and with it a connection that stands late.
  const agent = new http.Agent({
    lookup: (_name, _options, done) => {
      remainingMs = 0;
      setImmediate(() => done(null, [{ address: '127.0.0.1', family: 4 }]));
    },
  });
  const connection = { ...server.connection, server: new URL(`http://late.test:${port}`), agent };
  const client = new KubeClient(connection, { fence: { remainingMs: () => remainingMs } });
  await expect(client.patch(PODS, POD)).rejects.toMatchObject({ reason: 'NotLeader' });
  expect(server.requests).toEqual([]);
});

test('a caller that gives a request up ends it', async () => {
  const server = await start(() => undefined);
  const get = new KubeClient(server.connection).get(PODS, 'n', 'a', { signal: AbortSignal.timeout(20) });
  await expect(get).rejects.toMatchObject({ code: 0, reason: 'Unreachable' });
});

test('a server that ends a connection while it is asked is unreachable, and asked over another one next', async () => {
  let connections = 0;
  const server = net.createServer((socket) => {
    connections += 1;
    if (connections === 1) socket.once('data', () => socket.destroy());
    else socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(async () => {
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const headers = {};
  const agent = new http.Agent({ keepAlive: true });
  const client = new KubeClient({ server: new URL(`http://127.0.0.1:${port}`), agent, headers: async () => headers });
  await expect(client.get(PODS, 'n', 'a')).rejects.toMatchObject({ code: 0, reason: 'Unreachable' });
  expect(await client.get(PODS, 'n', 'a')).toEqual({});
});

test('each request says who sends it, and what it was and cost is told', async () => {
  const agents: (string | undefined)[] = [];
  const seen: RequestObservation[] = [];
  const server = await start((request, response) => {
    agents.push(request.headers['user-agent']);
    sendFailure(response, 404, 'NotFound');
  });
  const client = new KubeClient(server.connection, {
    userAgent: 'operator/1.0 (me)',
    observe: (request) => seen.push(request),
  });
  expect(await client.get(PODS, 'n', 'a')).toBeUndefined();
  expect(agents).toEqual(['operator/1.0 (me)']);
  expect(seen).toEqual([
    {
      verb: 'get',
      method: 'GET',
      resource: 'pods',
      subresource: undefined,
      namespace: 'n',
      name: 'a',
      code: 404,
      startedAt: expect.any(Number),
      seconds: expect.any(Number),
    },
  ]);
});

test.each([
  ['a Status: it is gone', { kind: 'Status', status: 'Success' }, 'Deleted'],
  ['the object as it was last: it is gone', POD, 'Deleted'],
  [
    'the object that is leaving',
    { metadata: { ...POD.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } },
    'Terminating',
  ],
])('a delete that is answered with %s', async (_what, answer, outcome) => {
  const bodies: string[] = [];
  const server = await start((_request, response, body) => {
    bodies.push(body);
    sendJson(response, 200, answer);
  });
  const client = new KubeClient(server.connection);
  expect(await client.delete(PODS, { namespace: 'n', name: 'a', uid: 'u', resourceVersion: '7' })).toBe(outcome);
  expect(JSON.parse(bodies[0] ?? '')).toMatchObject({ preconditions: { uid: 'u', resourceVersion: '7' } });
});

test.each([
  [404, 'NotFound', 'NotFound'],
  [409, 'Conflict', 'Replaced'],
])('a delete that is answered with %s is an outcome, not an error', async (code, reason, outcome) => {
  const server = await start((_request, response) => sendFailure(response, code, reason));
  const client = new KubeClient(server.connection);
  expect(await client.delete(PODS, { namespace: 'n', name: 'a', uid: 'u' })).toBe(outcome);
});

test('what is posted names its kind and its writer', async () => {
  let sent = '';
  const server = await start((_request, response, body) => {
    sent = body;
    sendJson(response, 201, { metadata: { ...POD.metadata, resourceVersion: '1' } });
  });
  const made = await new KubeClient(server.connection).post(PODS, POD, { fieldManager: 'me' });
  expect(made.metadata.resourceVersion).toBe('1');
  expect(JSON.parse(sent)).toEqual({ apiVersion: 'v1', kind: 'Pod', ...POD });
  expect(server.requests).toEqual(['POST /api/v1/namespaces/n/pods?fieldManager=me']);
});
