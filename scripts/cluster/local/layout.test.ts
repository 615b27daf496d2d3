import { expect, test } from 'vitest';
import { addressesOf, freeIndices, INDICES, layoutOf } from './layout.ts';

test('two clusters share no address', () => {
  const one = Object.values(addressesOf(80)).filter((value) => typeof value === 'string');
  const other = new Set<unknown>(Object.values(addressesOf(81)));
  expect(one.filter((address) => other.has(address))).toEqual([]);
});

test('clusters of one name in different state folders have different control groups', () => {
  expect(layoutOf('/a', 'loco').controlGroup).not.toBe(layoutOf('/b', 'loco').controlGroup);
});

test.each([
  { routes: [], first: INDICES.first },
  { routes: ['default', '192.0.2.0/24'], first: INDICES.first },
  { routes: ['10.80.0.0/30', '10.81.64.0/18'], first: 82 },
  { routes: ['10.80.0.1'], first: 81 },
  { routes: ['10.64.0.0/10'], first: 128 },
])('the first free index beside $routes is $first', ({ routes, first }) => {
  expect(freeIndices(routes)[0]).toBe(first);
});

test('a route over the whole of 10.0.0.0/8 leaves none', () => {
  expect(freeIndices(['10.0.0.0/8'])).toEqual([]);
});
