import { expect, test } from 'vitest';
import { isAtRest } from './at-rest.ts';

const NOW = Date.parse('2026-01-02T03:04:05.000Z');

test.each([
  { seconds: 0, atRest: false },
  { seconds: -29, atRest: false },
  { seconds: -30, atRest: true },
  { seconds: 5, atRest: false },
  { seconds: 86_400, atRest: true },
])('a file that was written $seconds s from now is at rest: $atRest', ({ seconds, atRest }) => {
  expect(isAtRest({ modifiedTime: `${NOW + seconds * 1000}000000` }, NOW)).toBe(atRest);
});
