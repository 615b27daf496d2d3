import { expect, test } from 'vitest';
import { backoffMs } from './backoff.ts';

const POLICY = { firstMs: 100, capMs: 1_000 };

test('the delay doubles from the first failure up to the cap', () => {
  expect([1, 2, 3, 4, 5, 400].map((failures) => backoffMs(POLICY, failures, () => 0))).toEqual([
    100, 200, 400, 800, 1000, 1000,
  ]);
});

test('jitter takes away at most half', () => {
  expect(backoffMs(POLICY, 5, () => 0.999999)).toBe(500);
});
