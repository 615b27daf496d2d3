import { expect, test } from 'vitest';
import { isCovered } from './covered.ts';

test.each([
  ['equal values', { a: 1, b: ['x'] }, { a: 1, b: ['x'] }, true],
  ['fields that others set', { a: 1 }, { a: 1, b: 2 }, true],
  ['another value', { a: 1 }, { a: 2 }, false],
  ['a missing field', { a: 1 }, {}, false],
  ['an empty map that the server left out', { a: {} }, {}, true],
  ['an empty list that the server left out', { a: [] }, {}, true],
  ['quantities in another form', { cpu: '0.5', memory: '1024Mi' }, { cpu: '500m', memory: '1Gi' }, true],
  ['quantities that differ', { memory: '1Gi' }, { memory: '1G' }, false],
  [
    'named items in another order, with another among them',
    [{ name: 'a', v: 1 }],
    [{ name: 'b' }, { name: 'a', v: 1 }],
    true,
  ],
  ['a named item that is missing', [{ name: 'a' }], [{ name: 'b' }], false],
  ['a plain list that is longer', ['a'], ['a', 'b'], false],
])('%s', (_what, desired, actual, covered) => {
  expect(isCovered(desired, actual)).toBe(covered);
});
