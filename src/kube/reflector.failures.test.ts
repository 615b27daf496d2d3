import http from 'node:http';
import https from 'node:https';
import { afterEach, expect, test, vi } from 'vitest';
import { type Clock, systemClock } from './clock.ts';
import type { Connection } from './connection.ts';
import {
  answer,
  breaking,
  endOfList,
  event,
  failWith,
  list,
  pod,
  type Reply,
  type Script,
  type Setting,
  startReflector,
  watching,
} from './reflector.fixture.ts';

const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** Longer than vitest's second, for a machine that has other things to do. */
const waitFor = (check: () => void): Promise<void> => vi.waitFor(check, 10_000);

async function start(script: Script, setting?: Setting) {
  const started = await startReflector(script, setting);
  open.push(started.close);
  return started;
}

/** A clock whose pauses are noted and don't take their time. */
function hurried() {
  const pauses: number[] = [];
  const after: Clock['after'] = (ms, action) => {
    pauses.push(ms);
    return systemClock.after(0, action);
  };
  return { pauses, clock: { ...systemClock, after } };
}

const htmlOfProxy: Reply = (response) => response.writeHead(502).end('<html>bad gateway</html>');

const answers: readonly [string, Reply][] = [
  ['401', failWith(401, 'Unauthorized')],
  ['403', failWith(403, 'Forbidden')],
  ['429', failWith(429, 'TooManyRequests')],
  ['500', failWith(500, 'InternalError')],
  ["502 of a proxy that doesn't know Status objects", htmlOfProxy],
  ['503', failWith(503, 'ServiceUnavailable')],
  ['504', failWith(504, 'Timeout')],
  ['a connection that is reset', (response) => response.socket?.resetAndDestroy()],
  [
    'a list that is cut in the middle',
    (response) => response.writeHead(200).write('{"metadata":', () => response.destroy()),
  ],
];

test.each(answers)('a list that ends in %s is asked for again until it succeeds', async (_name, failure) => {
  const { names, failures, kinds } = await start({
    lists: [failure, failure, failure, answer(list('1', [pod('a', '1')]))],
  });
  await waitFor(() => expect(names()).toEqual(['a']));
  expect(failures).toHaveLength(3);
  expect(kinds().filter((kind) => kind === 'List')).toHaveLength(4);
});

test.each(answers.slice(0, -1))(
  'a watch that ends in %s goes on from where it was, without a list',
  async (_name, failure) => {
    const { names, kinds, queries } = await start({
      streams: [breaking(event('ADDED', pod('a', '5')), endOfList('10'))],
      watches: [failure, failure, watching(event('ADDED', pod('b', '11')))],
    });
    await waitFor(() => expect(names()).toEqual(['a', 'b']));
    expect(kinds()).toEqual(['Stream', 'Watch', 'Watch', 'Watch']);
    expect(queries('Watch').map(({ resourceVersion }) => resourceVersion)).toEqual(['10', '10', '10']);
  },
);

test('a server that refuses at first when it is back is not waited for as long as it was away', async () => {
  const { pauses, clock } = hurried();
  const reset: Reply = (response) => response.socket?.resetAndDestroy();
  const forbidden = failWith(403, 'Forbidden');
  const { names } = await start(
    {
      streams: [breaking(event('ADDED', pod('a', '5')), endOfList('10'))],
      watches: [...Array(8).fill(reset), forbidden, forbidden, watching(event('ADDED', pod('b', '11')))],
    },
    { clock },
  );
  await waitFor(() => expect(names()).toEqual(['a', 'b']));
  const waits = pauses.filter((ms) => ms <= 15_000);
  expect(Math.max(...waits)).toBeLessThanOrEqual(1_000);
});

const networks: readonly [string, RegExp, (scripted: Connection) => Partial<Connection>][] = [
  ['a refused connection', /ECONNREFUSED/, () => ({ server: new URL('http://127.0.0.1:1') })],
  [
    'a name that does not resolve',
    /ENOTFOUND/,
    () => ({
      server: new URL('http://api.test'),
      agent: new http.Agent({
        lookup: (_name, _options, done) => done(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), ''),
      }),
    }),
  ],
  [
    'a server that does not speak TLS',
    /EPROTO|SSL|packet length|wrong version/i,
    ({ server }) => ({ server: new URL(server.href.replace('http:', 'https:')), agent: new https.Agent() }),
  ],
];

test.each(networks)('%s is tried again until it is well', async (_name, message, broken) => {
  let isBroken = true;
  const { names, failures } = await start(
    { streams: [watching(event('ADDED', pod('a', '5')), endOfList('10'))] },
    {
      connection: (scripted) => ({
        get server() {
          return (isBroken ? broken(scripted).server : undefined) ?? scripted.server;
        },
        get agent() {
          return (isBroken ? broken(scripted).agent : undefined) ?? scripted.agent;
        },
        headers: () => scripted.headers(),
      }),
    },
  );
  await waitFor(() => expect(failures.length).toBeGreaterThanOrEqual(3));
  expect(failures[0]?.message).toMatch(message);
  isBroken = false;
  await waitFor(() => expect(names()).toEqual(['a']));
});

test('a refused credential is read again at once, and the request repeated without a failure', async () => {
  let token = { Authorization: 'Bearer old' };
  let reads = 0;
  const guarded =
    (reply: Reply): Reply =>
    (response, query, request) =>
      (request.headers.authorization === 'Bearer new' ? reply : failWith(401, 'Unauthorized'))(
        response,
        query,
        request,
      );
  const { names, failures, kinds } = await start(
    { streams: [guarded(watching(event('ADDED', pod('a', '5')), endOfList('10')))] },
    {
      connection: (scripted) => ({
        server: scripted.server,
        agent: scripted.agent,
        headers: async (refused) => {
          if (refused !== undefined) {
            reads += 1;
            token = { Authorization: 'Bearer new' };
          }
          return token;
        },
      }),
    },
  );
  await waitFor(() => expect(names()).toEqual(['a']));
  expect({ reads, failures, kinds: kinds() }).toEqual({ reads: 1, failures: [], kinds: ['Stream', 'Stream'] });
});

const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toUTCString();

test.each([
  ['seconds', () => '7', 7_000],
  // A date has whole seconds, so it is up to one early; and half a second is for spreading those who wait.
  ['an HTTP date', () => inSeconds(8), 7_000],
  ['nonsense, which counts as nothing', () => 'soon', 0],
  ['more than a minute, which counts as a minute', () => '86400', 60_000],
])('a server that asks for patience with Retry-After in %s gets it', async (_form, retryAfter, leastMs) => {
  const { clock, pauses } = hurried();
  const { reflector } = await start(
    {
      lists: [
        (response, ...rest) => failWith(429, 'TooManyRequests', { 'Retry-After': retryAfter() })(response, ...rest),
        answer(list('1', [])),
      ],
    },
    { clock },
  );
  await reflector.synced;
  expect(pauses[0]).toBeGreaterThanOrEqual(leastMs);
  expect(pauses[0]).toBeLessThanOrEqual(leastMs + 1_500);
});

test.each([
  ['outage', 503, [200, 400, 800, 1_600, 3_000, 3_000], [100, 200, 400, 800, 1_500, 1_500]],
  [
    'refusal',
    403,
    [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 15_000],
    [100, 200, 400, 800, 1_600, 3_200, 6_400, 7_500],
  ],
])(
  'after an %s it waits longer each time up to a cap, and up to half as long by chance',
  async (_kind, code, most, least) => {
    for (const [chance, expected] of [
      [0, most],
      [1, least],
    ] as const) {
      const { clock, pauses } = hurried();
      const { reflector } = await start(
        { lists: [...expected.map(() => failWith(code, 'Reason')), answer(list('1', []))] },
        { clock, random: () => chance, backoff: undefined },
      );
      await reflector.synced;
      expect(pauses.slice(0, expected.length)).toEqual(expected);
    }
  },
);

test('a success ends the backoff', async () => {
  const { clock, pauses } = hurried();
  const { names } = await start(
    {
      lists: [failWith(500, 'x'), failWith(500, 'x'), answer(list('1', []))],
      watches: [breaking(event('ADDED', pod('a', '2'))), watching(event('ADDED', pod('b', '3')))],
    },
    { clock, random: () => 0, backoff: undefined },
  );
  await waitFor(() => expect(names()).toEqual(['a', 'b']));
  expect(pauses).toEqual([200, 400, 200]);
});

test.each([
  ['as an answer', failWith(410, 'Expired')],
  ['within the stream', watching(event('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' }))],
])('a version that is too old, told %s, makes a new list whose differences arrive', async (_where, tooOld) => {
  const { names, changes } = await start({
    lists: [
      answer(list('10', [pod('gone', '1'), pod('kept', '2'), pod('changed', '3')])),
      answer(list('50', [pod('kept', '2'), pod('changed', '40'), pod('new', '45')])),
    ],
    watches: [tooOld, watching()],
  });
  await waitFor(() => expect(names()).toEqual(['changed', 'kept', 'new']));
  const told = changes
    .slice(3)
    .map(({ before, after }) => `${before?.metadata.name ?? ''}>${after?.metadata.name ?? ''}`);
  expect(told.sort()).toEqual(['>new', 'changed>changed', 'gone>']);
});

test('a page whose token is too old makes a new list from its first page', async () => {
  const { names, queries } = await start({
    lists: [
      answer(list('1', [pod('old', '1')], 'page-2')),
      failWith(410, 'Expired'),
      answer(list('9', [pod('new', '9')])),
    ],
  });
  await waitFor(() => expect(names()).toEqual(['new']));
  expect(queries('List').map((query) => query['continue'])).toEqual([undefined, 'page-2', undefined]);
});

test('a connection that says nothing for too long is given up', async () => {
  const { names, failures, queries } = await start(
    {
      streams: [watching(endOfList('10'))],
      watches: [watching(event('ADDED', pod('a', '11')))],
    },
    { idleTimeoutMs: 60 },
  );
  await waitFor(() => expect(names()).toEqual(['a']));
  expect(failures[0]?.message).toMatch(/nothing heard/);
  expect(queries('Watch')[0]).toMatchObject({ resourceVersion: '10' });
});

test('a watch that is not answered at all is given up', async () => {
  const { names, failures } = await start(
    { streams: [() => undefined, watching(event('ADDED', pod('a', '11')), endOfList('20'))] },
    { idleTimeoutMs: 60 },
  );
  await waitFor(() => expect(names()).toEqual(['a']));
  expect(failures[0]?.message).toMatch(/nothing heard/);
});

test('a quiet watch is opened anew when another request on its connection heard nothing since', async () => {
  const { reflector, server, names, failures, queries } = await start({
    streams: [watching(endOfList('10'))],
    watches: [watching(event('ADDED', pod('a', '11')))],
  });
  await reflector.synced;
  server.connection.alarm?.ring(performance.now());
  await waitFor(() => expect(names()).toEqual(['a']));
  expect(failures).toHaveLength(1);
  expect(queries('Watch')[0]).toMatchObject({ resourceVersion: '10' });
});

test('a watch that heard something since the other request began is left alone', async () => {
  const { reflector, server, asked, failures } = await start({ streams: [watching(endOfList('10'))] });
  const before = performance.now();
  await reflector.synced;
  server.connection.alarm?.ring(before);
  await new Promise(setImmediate);
  expect([asked.length, failures.length]).toEqual([1, 0]);
});

test('it is told once that a watch goes on after failures, and not of one that never failed', async () => {
  const recovered: string[] = [];
  const onRecovered = ({ resource }: { resource: string }) => recovered.push(resource);
  const { names, failures } = await start(
    {
      streams: [breaking(event('ADDED', pod('a', '5')), endOfList('10'))],
      watches: [
        failWith(500, 'InternalError'),
        failWith(500, 'InternalError'),
        watching(event('ADDED', pod('b', '11')), event('ADDED', pod('c', '12'))),
      ],
    },
    { onRecovered },
  );
  await waitFor(() => expect(names()).toEqual(['a', 'b', 'c']));
  expect(failures).toHaveLength(3);
  expect(recovered).toEqual(['pods']);
});

test('a server that ends every watch without a word is not asked in a tight loop', async () => {
  const { asked, failures } = await start({ watches: [(response) => response.writeHead(200).end()] });
  await waitFor(() => expect(failures.length).toBeGreaterThanOrEqual(3));
  expect(asked.length).toBeLessThan(12);
  expect(failures[0]?.message).toMatch(/ended without an event/);
});

test('a server that says again and again that its own list is too old is not asked in a tight loop', async () => {
  const { clock, pauses } = hurried();
  await start({ watches: [failWith(410, 'Expired')] }, { clock, random: () => 0, backoff: undefined });
  await waitFor(() => expect(pauses.length).toBeGreaterThanOrEqual(4));
  expect(pauses.slice(0, 4)).toEqual([200, 400, 800, 1_600]);
});

test('an observer of failures that throws does not end the loop', async () => {
  const thrown: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => thrown.push(error));
  try {
    const { names } = await start(
      { lists: [failWith(500, 'InternalError'), answer(list('1', [pod('a', '1')]))] },
      {
        onFailure: () => {
          throw new Error('broken observer');
        },
      },
    );
    await waitFor(() => expect(names()).toEqual(['a']));
    expect(String(thrown[0])).toContain('broken observer');
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
});

test('it has not synced before the first whole list', async () => {
  const { reflector, failures } = await start({ lists: [failWith(503, 'ServiceUnavailable')] });
  await waitFor(() => expect(failures.length).toBeGreaterThan(2));
  expect(reflector.hasSynced).toBe(false);
});
