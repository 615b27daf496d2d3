import fc from 'fast-check';
import { expect, test } from 'vitest';
import { claim } from '../observed.fixture.ts';
import type { ObservedClaim } from '../observed.ts';
import { decideRetention, type RetentionInput } from './retention.ts';

function input(more: Partial<RetentionInput>): RetentionInput {
  return {
    emulator: 'classroom',
    replicas: 3,
    whenScaled: 'Delete',
    existingClaim: false,
    mark: 3,
    claims: [0, 1, 2].map((ordinal) => claim(ordinal)),
    podOrdinals: [],
    ...more,
  };
}

const deleted = (more: Partial<RetentionInput>): number[] =>
  decideRetention(input(more)).deletions.map(({ ordinal }) => ordinal);

test('machines that are stopped keep their claims: no pod runs, but nothing was scaled', () => {
  expect(decideRetention(input({ podOrdinals: [] }))).toEqual({ mark: 3, deletions: [] });
});

test('a scale-down deletes the claims of the machines that are gone', () => {
  expect(deleted({ replicas: 1, podOrdinals: [0] })).toEqual([1, 2]);
});

test('a claim whose pod is still there waits for it', () => {
  expect(decideRetention(input({ replicas: 1, podOrdinals: [0, 1] }))).toMatchObject({
    mark: 3,
    deletions: [{ ordinal: 2 }],
  });
});

test('the mark falls when no claim is left to delete', () => {
  expect(decideRetention(input({ replicas: 1, claims: [claim(0)], podOrdinals: [0] }))).toEqual({
    mark: 1,
    deletions: [],
  });
});

test('a claim that is being deleted already is not deleted again', () => {
  const claims = [claim(0), claim(1, { deleting: true })];
  expect(decideRetention(input({ replicas: 1, claims, podOrdinals: [0] }))).toEqual({ mark: 1, deletions: [] });
});

test('with Retain the mark falls at once, and a later Delete does not reach back', () => {
  expect(decideRetention(input({ replicas: 1, whenScaled: 'Retain' }))).toEqual({ mark: 1, deletions: [] });
  expect(deleted({ replicas: 1, mark: 1, whenScaled: 'Delete' })).toEqual([]);
});

test('scaled down and up again before it was done: what is wanted again is kept', () => {
  expect(deleted({ replicas: 2, podOrdinals: [0] })).toEqual([2]);
});

test('a StatefulSet that was deleted by hand takes the mark along, and nothing is deleted', () => {
  expect(decideRetention(input({ replicas: 1, mark: undefined }))).toEqual({ mark: 1, deletions: [] });
});

test('a claim of another Emulator, or of nobody, is never deleted', () => {
  const claims = [claim(1, { emulator: 'other' }), claim(2, { emulator: undefined })];
  expect(deleted({ replicas: 1, claims })).toEqual([]);
});

test('an existing claim of the user is never deleted', () => {
  expect(deleted({ replicas: 0, mark: 1, existingClaim: true })).toEqual([]);
});

/** One thing that a user, the cluster or a crash does. */
const step = fc.oneof(
  fc.record({ kind: fc.constant('scale' as const), replicas: fc.nat({ max: 5 }) }),
  fc.record({
    kind: fc.constant('policy' as const),
    whenScaled: fc.constantFrom('Retain' as const, 'Delete' as const),
  }),
  fc.record({ kind: fc.constant('power' as const), running: fc.boolean() }),
  fc.constant({ kind: 'deleteStatefulSet' as const }),
  fc.constant({ kind: 'pass' as const }),
);

interface World {
  replicas: number;
  whenScaled: 'Retain' | 'Delete';
  running: boolean;
  mark: number | undefined;
  claims: Map<number, ObservedClaim>;
  /** Highest number of replicas that the user took back while Delete was the policy at some pass. */
  everFell: boolean;
}

/** One pass of the operator and what the cluster makes of it. Resolves with the ordinals whose claims were deleted. */
function pass(world: World): number[] {
  const pods = world.running ? [...Array(world.replicas).keys()] : [];
  const decision = decideRetention({
    emulator: 'classroom',
    replicas: world.replicas,
    whenScaled: world.whenScaled,
    existingClaim: false,
    mark: world.mark,
    claims: [...world.claims.values()],
    podOrdinals: pods,
  });
  world.mark = decision.mark;
  for (const ordinal of pods) if (!world.claims.has(ordinal)) world.claims.set(ordinal, claim(ordinal));
  for (const { ordinal } of decision.deletions) world.claims.delete(ordinal);
  return decision.deletions.map(({ ordinal }) => ordinal);
}

test('whatever happens in whatever order: no claim goes that is wanted, or while replicas never fell', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world: World = {
        replicas: 3,
        whenScaled: 'Retain',
        running: true,
        mark: undefined,
        claims: new Map(),
        everFell: false,
      };
      for (const next of steps) {
        if (next.kind === 'scale') {
          world.everFell ||= next.replicas < world.replicas;
          world.replicas = next.replicas;
        }
        if (next.kind === 'policy') world.whenScaled = next.whenScaled;
        if (next.kind === 'power') world.running = next.running;
        if (next.kind === 'deleteStatefulSet') world.mark = undefined;
        if (next.kind !== 'pass') continue;
        const gone = pass(world);
        expect(gone.every((ordinal) => ordinal >= world.replicas)).toBe(true);
        if (world.whenScaled === 'Retain' || !world.everFell) expect(gone).toEqual([]);
      }
    }),
  );
});

test('whatever happens: two passes after a scale-down with Delete no claim of a machine that is gone is left', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.nat({ max: 4 }), fc.boolean(), (from, to, running) => {
      fc.pre(to < from);
      const world: World = {
        replicas: from,
        whenScaled: 'Delete',
        running: true,
        mark: undefined,
        claims: new Map(),
        everFell: true,
      };
      pass(world);
      world.running = running;
      world.replicas = to;
      pass(world);
      pass(world);
      expect([...world.claims.keys()].every((ordinal) => ordinal < to)).toBe(true);
      expect(world.mark).toBe(to);
    }),
  );
});
