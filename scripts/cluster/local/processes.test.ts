import { expect, test } from 'vitest';
import { namespaceNumbers } from './processes.ts';

test("reads a process's numbers from the outermost namespace inwards", () => {
  expect(namespaceNumbers('Name:\tpause\nNSpid:\t4711\t1\nThreads:\t5\n')).toEqual([4711, 1]);
});

test('a process that is ending has none', () => {
  expect(namespaceNumbers('Name:\tpause\n')).toEqual([]);
});
