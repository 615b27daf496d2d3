import { expect, test } from 'vitest';
import { ApiError } from './errors.ts';
import { retryInMs } from './retry.ts';

const POLICY = { firstMs: 100, capMs: 60_000 };
const delays = (error: unknown): number[] =>
  [1, 2, 3, 40].map((failures) => retryInMs(POLICY, failures, error, () => 0));

test('a failure of its own waits up to the cap of the policy', () => {
  expect(delays(new Error('wrong'))).toEqual([100, 200, 400, 60_000]);
  expect(delays(new ApiError(422, 'Invalid', 'no'))).toEqual([100, 200, 400, 60_000]);
});

test.each([
  ['no answer', new ApiError(0, 'Unreachable', 'refused')],
  ['too many requests', new ApiError(429, 'TooManyRequests', 'later')],
  ['a server that can not', new ApiError(503, 'ServiceUnavailable', 'later')],
])('%s is no reason to come back late', (_what, error) => {
  expect(delays(error)).toEqual([100, 200, 400, 5_000]);
});

test('nobody comes back before the server wants to be asked again', () => {
  expect(delays(new ApiError(429, 'TooManyRequests', 'later', { retryAfterSeconds: 7 }))).toEqual([
    7_000, 7_000, 7_000, 7_000,
  ]);
});

test('those who are asked to wait equally long do not come back together', () => {
  const busy = new ApiError(429, 'TooManyRequests', 'later', { retryAfterSeconds: 7 });
  expect([0, 0.5, 0.99].map((chance) => retryInMs(POLICY, 1, busy, () => chance))).toEqual([7_000, 7_250, 7_495]);
});
