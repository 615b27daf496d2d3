import { expect, test } from 'vitest';
import { notReady } from './readiness.ts';

const filled = { unfilled: [], ending: false };
const atWork = { synced: true, leading: true, renewed: true };

test.each<[string, Parameters<typeof notReady>[0], RegExp | undefined]>([
  ['a leader whose workers run', { ...filled, conditions: atWork }, undefined],
  ['a standby with filled caches', { ...filled, conditions: { ...atWork, leading: false } }, undefined],
  [
    'a standby whose caches are not filled',
    { unfilled: ['pods', 'services'], ending: false, conditions: { synced: false, leading: false, renewed: true } },
    /waiting for pods, services/,
  ],
  [
    'a leader whose caches are not filled',
    { unfilled: ['pods'], ending: false, conditions: { ...atWork, synced: false } },
    /waiting for pods/,
  ],
  ['a leader that can not renew', { ...filled, conditions: { ...atWork, renewed: false } }, /lease to be renewed/],
  ['a leader whose workers do not run yet', { ...filled, conditions: { ...atWork, synced: false } }, /about to begin/],
  ['one that ends', { ...filled, ending: true, conditions: atWork }, /ending/],
])('%s', (_, facts, said) => {
  if (said === undefined) expect(notReady(facts)).toBeUndefined();
  else expect(notReady(facts)).toMatch(said);
});
