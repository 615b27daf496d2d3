import { expect, test } from 'vitest';
import { invalidSpecStatus } from './invalid-spec.ts';

const at = (minute: number) => new Date(`2026-01-01T00:0${minute}:00Z`);

test('of a status that another release wrote the times of its conditions stay, so that the second pass has nothing to write', () => {
  const stored = { replicas: 'three', conditions: [{ type: 'Odd' }] };
  const first = invalidSpecStatus(stored, 1, 'wrong', at(1));
  const second = invalidSpecStatus(
    { ...stored, conditions: [{ type: 'Odd' }, ...(first.conditions ?? [])] },
    1,
    'wrong',
    at(2),
  );
  expect(second).toEqual(first);
  expect(first.conditions?.map(({ lastTransitionTime }) => new Date(lastTransitionTime))).toEqual([
    at(1),
    at(1),
    at(1),
  ]);
});

test('what else was known stays', () => {
  const stored = { replicas: 3, conditions: [] };
  expect(invalidSpecStatus(stored, 1, 'wrong', at(1))).toMatchObject({ replicas: 3, observedGeneration: 1 });
});
