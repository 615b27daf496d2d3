import { expect, test } from 'vitest';
import { allEnded } from './all-ended.ts';
import { settle } from './fake-clock.ts';

test('what all resolve with comes in their order', async () => {
  expect(await allEnded([Promise.resolve(1), 'two', Promise.resolve(3)])).toEqual([1, 'two', 3]);
});

test('a failure is told when the others have ended, too, and it is the first in their order', async () => {
  const slow = Promise.withResolvers<void>();
  const ended: unknown[] = [];
  const all = allEnded([slow.promise, Promise.reject(new Error('first')), Promise.reject(new Error('second'))]);
  const told = all.catch((error: unknown) => ended.push(error));
  await settle();
  expect(ended).toEqual([]);
  slow.resolve();
  await told;
  expect(ended).toEqual([new Error('first')]);
});
