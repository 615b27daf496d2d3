import { expect, test } from 'vitest';
import { FakeClock, settle } from './fake-clock.ts';
import { WorkQueue, type WorkResult } from './work-queue.ts';

const DONE: WorkResult = { outcome: 'Done' };

/** A queue whose work ends when the test says so. */
function controlled(concurrency = 1) {
  const clock = new FakeClock();
  const started: string[] = [];
  const open = new Map<string, { resolve: (result: WorkResult) => void; reject: (error: unknown) => void }>();
  const queue = new WorkQueue({
    clock,
    concurrency,
    random: () => 0,
    work: (key) => {
      started.push(key);
      return new Promise((resolve, reject) => open.set(key, { resolve, reject }));
    },
  });
  queue.start();
  const end = async (key: string, result: WorkResult | Error = DONE): Promise<void> => {
    if (result instanceof Error) open.get(key)?.reject(result);
    else open.get(key)?.resolve(result);
    await settle();
  };
  return { clock, queue, started, end };
}

test('a key that is added three times while it waits is worked on once', async () => {
  const { queue, started, end } = controlled();
  queue.add('a');
  for (let times = 0; times < 3; times += 1) queue.add('b');
  await end('a');
  await end('b');
  expect(started).toEqual(['a', 'b']);
});

test('a key that is added while it is in work is never in work twice, and worked on again afterwards', async () => {
  const { queue, started, end } = controlled(4);
  queue.add('a');
  queue.add('a');
  queue.add('a');
  expect(started).toEqual(['a']);
  await end('a');
  expect(started).toEqual(['a', 'a']);
  await end('a');
  expect(started).toEqual(['a', 'a']);
});

test('no more keys are in work than the concurrency allows, in the order in which they came', async () => {
  const { queue, started, end } = controlled(2);
  for (const key of ['a', 'b', 'c', 'd']) queue.add(key);
  expect(started).toEqual(['a', 'b']);
  await end('b');
  expect(started).toEqual(['a', 'b', 'c']);
});

test('a key that fails waits twice as long each time, up to the cap', async () => {
  const clock = new FakeClock();
  const at: number[] = [];
  const queue = new WorkQueue({
    clock,
    concurrency: 1,
    random: () => 0,
    backoff: { firstMs: 100, capMs: 500 },
    work: async () => {
      at.push(clock.now());
      throw new Error('always');
    },
  });
  queue.start();
  queue.add('a');
  await clock.advance(2_000);
  expect(at).toEqual([0, 100, 300, 700, 1200, 1700]);
});

test('a key that always fails does not hold up the others', async () => {
  const clock = new FakeClock();
  const done: string[] = [];
  const queue = new WorkQueue({
    clock,
    concurrency: 1,
    random: () => 0,
    work: async (key) => {
      if (key === 'bad') throw new Error('always');
      done.push(key);
      return DONE;
    },
  });
  queue.start();
  queue.add('bad');
  for (let index = 0; index < 20; index += 1) queue.add(`good-${index}`);
  await clock.advance(0);
  expect(done).toHaveLength(20);
});

test('a success ends the backoff', async () => {
  const clock = new FakeClock();
  const at: number[] = [];
  const outcomes = [new Error('1'), new Error('2'), undefined, new Error('3')];
  const queue = new WorkQueue({
    clock,
    concurrency: 1,
    random: () => 0,
    backoff: { firstMs: 100, capMs: 10_000 },
    work: async () => {
      at.push(clock.now());
      const outcome = outcomes.shift();
      if (outcome !== undefined) throw outcome;
      return DONE;
    },
  });
  queue.start();
  queue.add('a');
  await clock.advance(1_000);
  queue.add('a');
  await clock.advance(150);
  expect(at).toEqual([0, 100, 300, 1000, 1100]);
});

test('of several delayed adds of a key the earliest counts', async () => {
  const { clock, queue, started } = controlled();
  queue.addAfter('a', 500);
  queue.addAfter('a', 200);
  queue.addAfter('a', 900);
  await clock.advance(199);
  expect(started).toEqual([]);
  await clock.advance(1);
  expect(started).toEqual(['a']);
});

test('a result that asks for another look gets it after its time', async () => {
  const { clock, queue, started, end } = controlled();
  queue.add('a');
  await end('a', { outcome: 'Again', afterMs: 300 });
  await clock.advance(299);
  expect(started).toHaveLength(1);
  await clock.advance(1);
  expect(started).toHaveLength(2);
});

test('a terminal error is not tried again', async () => {
  const { clock, queue, started, end } = controlled();
  queue.add('a');
  await end('a', { outcome: 'Terminal', error: new Error('no') });
  await clock.advance(3_600_000);
  expect(started).toEqual(['a']);
});

test('draining waits for what is in work and starts nothing more', async () => {
  const { clock, queue, started, end } = controlled();
  queue.add('a');
  queue.add('b');
  queue.addAfter('c', 10);
  let drained = false;
  const draining = queue.drain().then(() => {
    drained = true;
  });
  await clock.advance(100);
  expect(drained).toBe(false);
  await end('a');
  await draining;
  expect(started).toEqual(['a']);
});
