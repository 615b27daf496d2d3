import { expect, test } from 'vitest';
import { busiestFunctions } from './cpu-profile.ts';

const node = (id: number, functionName: string, url = '') => ({ id, callFrame: { functionName, url, lineNumber: 9 } });

test('functions are told by what they took themselves, the most first, and waiting is none', () => {
  const profile = {
    nodes: [
      node(1, '(idle)'),
      node(2, 'decide', 'file:///a/main.mjs'),
      node(3, ''),
      node(4, 'decide', 'file:///a/main.mjs'),
    ],
    samples: [1, 2, 3, 4, 1],
    timeDeltas: [50_000, 2000, 3000, 4000, 60_000],
  };
  expect(busiestFunctions(profile, 2)).toEqual([
    ['decide main.mjs:10', 6],
    ['(anonymous)', 3],
  ]);
});
