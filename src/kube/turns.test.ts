import { afterEach, expect, test } from 'vitest';
import { answer, endOfList, event, list, pod, type Reply, type Script, startReflector } from './reflector.fixture.ts';

const COUNT = 10_000;

const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const objects = Array.from({ length: COUNT }, (_, index) => pod(`p${index}`, String(index + 1)));

/** All of it at once, so that nothing but the reflector itself lets others have a turn. */
const streamed: Reply = (response) => {
  response.writeHead(200).write(objects.map((object) => event('ADDED', object)).join('') + endOfList('20000'));
};

const paged: Reply = (response, query, request) => {
  const from = Number(query.get('continue') ?? 0);
  const next = from + Number(query.get('limit'));
  const page = objects.slice(from, next);
  answer(list('20000', page, next < COUNT ? String(next) : undefined))(response, query, request);
};

/** The largest number of objects that are taken, and told of, between two turns of the event loop. */
async function largestPerTurn(script: Script): Promise<{ taken: number; told: number }> {
  const now = { taken: 0, told: 0 };
  const most = { taken: 0, told: 0 };
  let isDone = false;
  const turn = (): void => {
    most.taken = Math.max(most.taken, now.taken);
    most.told = Math.max(most.told, now.told);
    now.taken = 0;
    now.told = 0;
    if (!isDone) setImmediate(turn);
  };
  turn();
  const started = await startReflector(script, {
    transform: (object) => {
      now.taken += 1;
      return object;
    },
  });
  ends.push(started.close);
  started.store.onChange(() => {
    now.told += 1;
  });
  await started.reflector.synced;
  isDone = true;
  turn();
  expect(started.store.size).toBe(COUNT);
  expect(started.changes).toHaveLength(COUNT);
  return most;
}

test.each([
  ['streamed', { streams: [streamed] }],
  ['paged', { lists: [paged] }],
])('a list of 10,000 objects, %s, leaves the event loop its turns', async (_how, script) => {
  const { taken, told } = await largestPerTurn(script);
  expect(taken).toBeLessThanOrEqual(100);
  expect(told).toBeLessThanOrEqual(250);
});
