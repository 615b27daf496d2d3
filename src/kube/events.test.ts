import { afterEach, expect, test } from 'vitest';
import { KubeClient } from './client.ts';
import { EventRecorder, type Happening } from './events.ts';
import { FakeClock } from './fake-clock.ts';
import { type Answer, sendFailure, sendJson, startScriptedServer } from './scripted-server.ts';

const REGARDING = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'n', uid: 'u' } };
const HAPPENING: Happening = { type: 'Warning', reason: 'Broken', action: 'Look', note: 'it broke' };

const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function setUp(answer: Answer = (_request, response, body) => sendJson(response, 201, JSON.parse(body))) {
  const bodies: Record<string, unknown>[] = [];
  const server = await startScriptedServer((request, response, body) => {
    bodies.push(JSON.parse(body) as Record<string, unknown>);
    answer(request, response, body);
  });
  open.push(server.close);
  const clock = new FakeClock();
  const dropped: string[] = [];
  const recorder = new EventRecorder({
    client: new KubeClient(server.connection),
    clock,
    random: () => 0,
    reporter: { controller: 'test/controller', instance: 'one' },
    onDropped: ({ reason }) => dropped.push(reason),
  });
  return { server, recorder, clock, bodies, dropped };
}

const methods = (requests: readonly string[]): (string | undefined)[] => requests.map((each) => each.split(' ')[0]);

test('an event has everything that events.k8s.io/v1 asks for', async () => {
  const { recorder, bodies } = await setUp();
  recorder.record(REGARDING, HAPPENING);
  await recorder.drain();
  expect(bodies[0]).toMatchObject({
    apiVersion: 'events.k8s.io/v1',
    eventTime: '1970-01-01T00:00:00.000000Z',
    reportingController: 'test/controller',
    reportingInstance: 'one',
    reason: 'Broken',
    action: 'Look',
    type: 'Warning',
    note: 'it broke',
    regarding: { kind: 'Pod', name: 'a', namespace: 'n', uid: 'u' },
  });
});

test('the same event again counts the first one up instead of making another, and the last count is told', async () => {
  const { recorder, clock, server, bodies } = await setUp();
  for (let times = 0; times < 11; times += 1) {
    recorder.record(REGARDING, HAPPENING);
    await recorder.drain();
    await clock.advance(10_000);
    await recorder.drain();
  }
  await clock.advance(60_000);
  await recorder.drain();
  expect(methods(server.requests)).toEqual(['POST', ...Array(5).fill('PATCH')]);
  expect(bodies.slice(1).map(({ series }) => (series as { count: number }).count)).toEqual([2, 4, 7, 10, 11]);
});

test('the first time that an event comes again is told at once, because no later one may come', async () => {
  const { recorder, clock, bodies } = await setUp();
  recorder.record(REGARDING, HAPPENING);
  await clock.advance(10_000);
  recorder.record(REGARDING, HAPPENING);
  await recorder.drain();
  expect(bodies[1]).toMatchObject({ series: { count: 2, lastObservedTime: '1970-01-01T00:00:10.000000Z' } });
});

test('a count that had to wait for an outage to end says how often it has happened by then, and when last', async () => {
  const answered = Promise.withResolvers<void>();
  const { recorder, clock, bodies, server } = await setUp(async (_request, response, body) => {
    await answered.promise;
    sendJson(response, 201, JSON.parse(body));
  });
  for (let times = 0; times < 5; times += 1) {
    recorder.record(REGARDING, HAPPENING);
    await clock.advance(10_000);
  }
  answered.resolve();
  await recorder.drain();
  expect(methods(server.requests)).toEqual(['POST', 'PATCH']);
  expect(bodies[1]).toMatchObject({ series: { count: 5, lastObservedTime: '1970-01-01T00:00:40.000000Z' } });
});

test('an event that comes again much later is a new one', async () => {
  const { recorder, clock, server } = await setUp();
  recorder.record(REGARDING, HAPPENING);
  await clock.advance(7 * 60_000);
  recorder.record(REGARDING, HAPPENING);
  await recorder.drain();
  expect(methods(server.requests)).toEqual(['POST', 'POST']);
});

test('a note is cut at 1,024 bytes, and not in the middle of a character', async () => {
  const { recorder, bodies } = await setUp();
  recorder.record(REGARDING, { ...HAPPENING, note: 'ä'.repeat(2_000) });
  await recorder.drain();
  const note = String(bodies[0]?.['note']);
  expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1_024);
  expect(note).not.toContain('\uFFFD');
});

test('an event that the server refuses is dropped and told of, and the next one goes on', async () => {
  let first = true;
  const { recorder, dropped, server } = await setUp((_request, response, body) => {
    if (first) sendFailure(response, 403, 'Forbidden');
    else sendJson(response, 201, JSON.parse(body));
    first = false;
  });
  recorder.record(REGARDING, HAPPENING);
  recorder.record(REGARDING, { ...HAPPENING, note: 'another' });
  await recorder.drain();
  expect(dropped).toEqual(['Broken']);
  expect(server.requests).toHaveLength(2);
});

test('an event that could not be written at first is written when it comes again', async () => {
  let refused = 1;
  const { recorder, dropped, server } = await setUp((_request, response, body) => {
    if (refused > 0) sendFailure(response, 403, 'Forbidden');
    else sendJson(response, 201, JSON.parse(body));
    refused -= 1;
  });
  recorder.record(REGARDING, HAPPENING);
  await recorder.drain();
  recorder.record(REGARDING, HAPPENING);
  await recorder.drain();
  expect(dropped).toEqual(['Broken']);
  expect(methods(server.requests)).toEqual(['POST', 'POST']);
});

test('an event that somebody deleted is written anew when it comes again', async () => {
  const { recorder, clock, server } = await setUp((request, response, body) => {
    if (request.method === 'PATCH') sendFailure(response, 404, 'NotFound');
    else sendJson(response, 201, JSON.parse(body));
  });
  for (let times = 0; times < 3; times += 1) {
    recorder.record(REGARDING, HAPPENING);
    await recorder.drain();
    await clock.advance(40_000);
  }
  expect(methods(server.requests)).toEqual(['POST', 'PATCH', 'POST']);
});

test('events that differ in their notes alone become one that says so', async () => {
  const { recorder, bodies, server } = await setUp();
  for (let times = 1; times <= 15; times += 1) recorder.record(REGARDING, { ...HAPPENING, note: `it broke ${times}` });
  await recorder.drain();
  const notes = bodies.filter(({ note }) => note !== undefined).map(({ note }) => note);
  expect(notes).toEqual([
    ...Array.from({ length: 10 }, (_, index) => `it broke ${index + 1}`),
    '(combined from similar events): it broke 11',
  ]);
  expect(methods(server.requests).filter((method) => method === 'PATCH')).toHaveLength(1);
});

test('an object that floods loses events, is told of once, and has one more in five minutes; others lose none', async () => {
  const { recorder, clock, server, dropped } = await setUp();
  const other = { ...REGARDING, metadata: { ...REGARDING.metadata, name: 'b', uid: 'v' } };
  for (let times = 0; times < 40; times += 1) recorder.record(REGARDING, { ...HAPPENING, reason: `Broken${times}` });
  recorder.record(other, HAPPENING);
  await recorder.drain();
  expect(server.requests).toHaveLength(26);
  expect(dropped).toEqual(['Broken25']);
  await clock.advance(300_000);
  for (const reason of ['Later', 'TooMany']) recorder.record(REGARDING, { ...HAPPENING, reason });
  await recorder.drain();
  expect(server.requests).toHaveLength(27);
});

test('events outlive an API server that is away for half a minute', async () => {
  let away = true;
  const { recorder, clock, bodies, dropped } = await setUp((_request, response, body) => {
    if (away) sendFailure(response, 503, 'ServiceUnavailable');
    else sendJson(response, 201, JSON.parse(body));
  });
  recorder.record(REGARDING, HAPPENING);
  const passUntil = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      await clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await passUntil(() => clock.now() >= 30_000 && bodies.length > 3);
  away = false;
  let drained = false;
  void recorder.drain().then(() => {
    drained = true;
  });
  await passUntil(() => drained);
  expect(dropped).toEqual([]);
});

test.each(['refuses', 'hangs'])("who ends while the API server %s needn't wait for its events", async (how) => {
  const { recorder, clock, server, dropped } = await setUp((_request, response) => {
    if (how === 'refuses') sendFailure(response, 503, 'ServiceUnavailable');
  });
  recorder.record(REGARDING, HAPPENING);
  recorder.record(REGARDING, { ...HAPPENING, reason: 'Another' });
  while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
  recorder.stop();
  await recorder.drain();
  expect(dropped).toEqual(['Broken', 'Another']);
  const asked = server.requests.length;
  recorder.record(REGARDING, { ...HAPPENING, reason: 'Later' });
  await recorder.drain();
  await clock.advance(3_600_000);
  expect([server.requests.length, dropped.at(-1)]).toEqual([asked, 'Later']);
});

test('an hour that somebody sets the clock by neither ends a series nor makes one of two', async () => {
  for (const byMs of [3_600_000, -3_600_000]) {
    const { recorder, clock, server } = await setUp();
    recorder.record(REGARDING, HAPPENING);
    clock.setWall(byMs);
    recorder.record(REGARDING, HAPPENING);
    await recorder.drain();
    expect(methods(server.requests)).toEqual(['POST', 'PATCH']);
  }
});
