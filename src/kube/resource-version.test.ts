import { expect, test } from 'vitest';
import { isLaterVersion } from './resource-version.ts';

test.each([
  ['10', '9', true],
  ['9', '10', false],
  ['7', '7', false],
  // More digits than a double holds.
  ['90071992547409931', '90071992547409930', true],
])('%s is later than %s: %s', (left, right, later) => {
  expect(isLaterVersion(left, right)).toBe(later);
});

test.each([
  ['v2', 'v1'],
  ['2', 'v1'],
  ['02', '1'],
  ['', '1'],
  [undefined, '1'],
  ['1', undefined],
])('nobody knows whether %s is later than %s', (left, right) => {
  expect([isLaterVersion(left, right), isLaterVersion(right, left)]).toEqual([false, false]);
});
