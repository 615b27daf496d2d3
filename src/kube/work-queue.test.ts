import { expect, test } from 'vitest';
import { FakeClock, settle } from './fake-clock.ts';
import { WorkQueue, type WorkResult } from './work-queue.ts';
import { Workers } from './workers.ts';

const DONE: WorkResult = { outcome: 'Done' };

/** A queue whose work ends when the test says so. */
function controlled(concurrency = 1) {
  const clock = new FakeClock();
  const started: string[] = [];
  const open = new Map<string, { resolve: (result: WorkResult) => void; reject: (error: unknown) => void }>();
  const queue = new WorkQueue({
    clock,
    workers: new Workers(concurrency),
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
    workers: new Workers(1),
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

test('a key that always fails costs the others nothing: they are worked on in the order in which they came', async () => {
  const clock = new FakeClock();
  const begun: string[] = [];
  const queue = new WorkQueue({
    clock,
    workers: new Workers(1),
    random: () => 0,
    backoff: { firstMs: 100, capMs: 1_000 },
    work: async (key) => {
      begun.push(key);
      if (key === 'bad') throw new Error('always');
      return DONE;
    },
  });
  queue.start();
  queue.add('bad');
  const good = Array.from({ length: 20 }, (_, index) => `good-${index}`);
  for (const key of good) queue.add(key);
  await clock.advance(0);
  expect(begun).toEqual(['bad', ...good]);
  for (let second = 0; second < 60; second += 1) {
    for (const key of good) queue.add(key);
    await clock.advance(1_000);
  }
  expect(begun.filter((key) => key !== 'bad')).toHaveLength(61 * good.length);
  expect(begun.filter((key) => key === 'bad').length).toBeLessThan(70);
});

test('a success ends the backoff', async () => {
  const clock = new FakeClock();
  const at: number[] = [];
  const outcomes = [new Error('1'), new Error('2'), undefined, new Error('3')];
  const queue = new WorkQueue({
    clock,
    workers: new Workers(1),
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

test('a retry is not due any more when the key succeeded meanwhile for another reason', async () => {
  const { clock, queue, started, end } = controlled();
  queue.add('a');
  await end('a', new Error('once'));
  queue.add('a');
  await end('a');
  await clock.advance(3_600_000);
  expect(started).toEqual(['a', 'a']);
});

test('an hour that somebody sets the clock by neither delays a look nor brings it forward', async () => {
  for (const byMs of [3_600_000, -3_600_000]) {
    const { clock, queue, started } = controlled();
    queue.addAfter('a', 500);
    clock.setWall(byMs);
    queue.addAfter('a', 900);
    await clock.advance(499);
    expect(started).toEqual([]);
    await clock.advance(1);
    expect(started).toEqual(['a']);
  }
});

test('a queue that is paused begins nothing, keeps what comes, and goes on with it', async () => {
  const { clock, queue, started, end } = controlled(2);
  queue.add('a');
  let paused = false;
  const pausing = queue.pause().then(() => {
    paused = true;
  });
  queue.add('a');
  queue.add('b');
  queue.addAfter('c', 10);
  await clock.advance(100);
  expect([paused, started]).toEqual([false, ['a']]);
  await end('a');
  await pausing;
  expect(started).toEqual(['a']);
  queue.start();
  await end('b');
  expect(started.toSorted()).toEqual(['a', 'a', 'b', 'c']);
});

test('what waits after a failure comes at once when a paused queue goes on', async () => {
  const { clock, queue, started, end } = controlled();
  queue.add('a');
  for (let failures = 0; failures < 12; failures += 1) {
    await end('a', new Error('always'));
    if (failures < 11) await clock.advance(30_000);
  }
  expect(started).toHaveLength(12);
  await queue.pause();
  queue.start();
  expect(started).toHaveLength(13);
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
  queue.add('a');
  queue.addAfter('a', 5);
  queue.start();
  await clock.advance(3_600_000);
  expect([started, queue.depth]).toEqual([['a'], 0]);
});

test('a key that fails while its queue is drained leaves nothing behind that would come later', async () => {
  const { clock, queue, started, end } = controlled();
  queue.add('a');
  const draining = queue.drain();
  await end('a', new Error('late'));
  await draining;
  await clock.advance(3_600_000);
  expect(started).toEqual(['a']);
});
