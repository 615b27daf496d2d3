import { expect, test } from 'vitest';
import { backoffMilliseconds } from './wait.ts';

test('the wait doubles from one second to thirty, and half of it is left to chance', () => {
  const longest = [0, 1, 2, 3, 4, 5, 6, 100].map((failures) => backoffMilliseconds(failures, () => 1));
  expect(longest).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  expect(backoffMilliseconds(100, () => 0)).toBe(15_000);
});
