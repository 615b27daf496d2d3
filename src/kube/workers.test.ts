import { expect, test } from 'vitest';
import { FakeClock, settle } from './fake-clock.ts';
import { WorkQueue, type WorkResult } from './work-queue.ts';
import { Workers } from './workers.ts';

const DONE: WorkResult = { outcome: 'Done' };

/** Queues of several kinds on the same workers, whose work ends when the test says so. */
function setUp(count: number) {
  const clock = new FakeClock();
  const workers = new Workers(count);
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const kind = (name: string): WorkQueue => {
    const queue = new WorkQueue({
      workers,
      clock,
      random: () => 0,
      work: (key) => {
        begun.push(`${name}/${key}`);
        return new Promise((resolve) => ends.push(() => resolve(DONE)));
      },
    });
    queue.start();
    return queue;
  };
  const endOldest = async (): Promise<void> => {
    ends.shift()?.();
    await settle();
  };
  return { kind, begun, ends, endOldest };
}

test('2,000 keys of one kind hold up a key of another by no more than the end of one piece of work', async () => {
  const { kind, begun, endOldest } = setUp(4);
  const many = kind('many');
  const few = kind('few');
  for (let index = 0; index < 2_000; index += 1) many.add(`${index}`);
  await endOldest();
  few.add('one');
  expect(begun).toHaveLength(5);
  await endOldest();
  expect(begun.at(-1)).toBe('few/one');
});

test('kinds that all have work take turns', async () => {
  const { kind, begun, endOldest } = setUp(1);
  for (const queue of [kind('a'), kind('b'), kind('c')]) for (const key of ['1', '2', '3']) queue.add(key);
  for (let ended = 0; ended < 9; ended += 1) await endOldest();
  expect(begun).toEqual(['a/1', 'b/1', 'c/1', 'a/2', 'b/2', 'c/2', 'a/3', 'b/3', 'c/3']);
});

test('all kinds together have no more in work than there are workers, and no worker is idle while there is work', async () => {
  const { kind, ends, endOldest } = setUp(3);
  const queues = [kind('a'), kind('b')];
  for (let index = 0; index < 10; index += 1) for (const queue of queues) queue.add(`${index}`);
  for (let left = 20; left > 0; left -= 1) {
    expect(ends).toHaveLength(Math.min(3, left));
    await endOldest();
  }
});

test('work that adds work while it is begun does not get more workers than there are', async () => {
  const begun: string[] = [];
  const queue: WorkQueue = new WorkQueue({
    workers: new Workers(2),
    clock: new FakeClock(),
    random: () => 0,
    work: (key) => {
      begun.push(key);
      for (const next of ['1', '2', '3']) queue.add(`${key}${next}`);
      return new Promise(() => undefined);
    },
  });
  queue.start();
  queue.add('a');
  expect(begun).toEqual(['a', 'a1']);
});

test('a kind that is paused leaves its turns to the others', async () => {
  const { kind, begun, endOldest } = setUp(1);
  const paused = kind('paused');
  const other = kind('other');
  await paused.pause();
  paused.add('1');
  for (const key of ['1', '2']) other.add(key);
  await endOldest();
  expect(begun).toEqual(['other/1', 'other/2']);
});
