import { expect, test } from 'vitest';
import { type Condition, type ConditionState, setCondition, timedConditions } from './conditions.ts';

const NOW = new Date('2026-01-02T00:00:00Z');
const EARLIER = '2026-01-01T00:00:00.000Z';
const READY: ConditionState = { type: 'Ready', status: 'True', reason: 'Up', message: 'it is up' };
const BEFORE: readonly Condition[] = [
  { type: 'Other', status: 'True', reason: 'So', message: '', lastTransitionTime: EARLIER },
  { ...READY, lastTransitionTime: EARLIER, observedGeneration: 1 },
];

test('a condition that was not there holds since now, for this generation', () => {
  expect(timedConditions([READY], [], { generation: 3, now: NOW })).toEqual([
    { ...READY, observedGeneration: 3, lastTransitionTime: NOW.toISOString() },
  ]);
});

test.each([
  ['the same', {}, EARLIER],
  ['another reason and message', { reason: 'Else', message: 'otherwise' }, EARLIER],
  ['another status', { status: 'False' as const }, NOW.toISOString()],
])('%s: it holds since %s', (_what, change, since) => {
  const [condition] = timedConditions([{ ...READY, ...change }], BEFORE, { generation: 2, now: NOW });
  expect(condition).toEqual({ ...READY, ...change, observedGeneration: 2, lastTransitionTime: since });
});

test('a whole list is of the states that were given, in their order', () => {
  const states = ['B', 'A'].map((type) => ({ ...READY, type }));
  expect(timedConditions(states, BEFORE, { generation: undefined, now: NOW }).map(({ type }) => type)).toEqual([
    'B',
    'A',
  ]);
});

test('setting one leaves the others as they are', () => {
  const observation = { generation: 2, now: NOW };
  const set = setCondition(BEFORE, { ...READY, status: 'Unknown' }, observation);
  expect(set.map(({ type, status }) => `${type}=${status}`)).toEqual(['Other=True', 'Ready=Unknown']);
  expect(set[0]).toBe(BEFORE[0]);
  expect(setCondition(BEFORE, { ...READY, type: 'New' }, observation).map(({ type }) => type)).toEqual([
    'Other',
    'Ready',
    'New',
  ]);
});

test('setting what is so already changes nothing that a comparison would see', () => {
  expect(setCondition(BEFORE, READY, { generation: 1, now: NOW })).toEqual(BEFORE);
});
