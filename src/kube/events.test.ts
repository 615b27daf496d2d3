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

test('the same event again counts the first one up instead of making another', async () => {
  const { recorder, clock, server, bodies } = await setUp();
  for (let times = 0; times < 11; times += 1) {
    recorder.record(REGARDING, HAPPENING);
    await clock.advance(10_000);
  }
  await recorder.drain();
  expect(server.requests.map((request) => request.split(' ')[0])).toEqual(['POST', ...Array(4).fill('PATCH')]);
  expect(bodies.slice(1).map(({ series }) => (series as { count: number }).count)).toEqual([2, 5, 8, 11]);
});

test('the first time that an event comes again is told at once, because no later one may come', async () => {
  const { recorder, clock, bodies } = await setUp();
  recorder.record(REGARDING, HAPPENING);
  await clock.advance(10_000);
  recorder.record(REGARDING, HAPPENING);
  await recorder.drain();
  expect(bodies[1]).toMatchObject({ series: { count: 2, lastObservedTime: '1970-01-01T00:00:10.000000Z' } });
});

test('an event that comes again much later is a new one', async () => {
  const { recorder, clock, server } = await setUp();
  recorder.record(REGARDING, HAPPENING);
  await clock.advance(7 * 60_000);
  recorder.record(REGARDING, HAPPENING);
  await recorder.drain();
  expect(server.requests.map((request) => request.split(' ')[0])).toEqual(['POST', 'POST']);
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
  expect(server.requests.map((request) => request.split(' ')[0])).toEqual(['POST', 'POST']);
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
  expect(server.requests.map((request) => request.split(' ')[0])).toEqual(['POST', 'PATCH', 'POST']);
});
