import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DAMAGE_KINDS, type Fault, lengthOf, makePlan, type Planned, shapeFor } from './plan.ts';
import { VARIANTS } from './variants.ts';

const plans = fc
  .record({ resources: fc.integer({ min: 12, max: 200 }), seed: fc.integer({ min: 0, max: 1e6 }) })
  .map(({ resources, seed }) => makePlan(shapeFor(resources), seed));

test('the same seed makes the same plan, and another one another', () => {
  expect(makePlan(shapeFor(20), 7)).toEqual(makePlan(shapeFor(20), 7));
  expect(makePlan(shapeFor(20), 8)).not.toEqual(makePlan(shapeFor(20), 7));
});

test('200 resources are struck as often as the long form promises', () => {
  const { faults, actions } = makePlan(shapeFor(200), 1);
  const count = (kind: Fault['kind']) => faults.filter(({ what }) => what.kind === kind).length;
  expect(count('KillApiServer')).toBe(10);
  expect(count('KillOperator')).toBe(50);
  expect(actions.filter(({ what }) => what.kind === 'Create')).toHaveLength(200);
});

test('whatever the size, each kind of fault, of damage and of Emulator is there', () => {
  const faultKinds = ['KillApiServer', 'StopEtcd', 'KillOperator', 'PauseLeader', 'Cut', 'HalfOpen', 'Weather'];
  fc.assert(
    fc.property(plans, ({ faults, damages, actions }) => {
      expect(new Set(faults.map(({ what }) => what.kind))).toEqual(new Set(faultKinds));
      expect(new Set(damages.map(({ what }) => what.kind))).toEqual(new Set(DAMAGE_KINDS));
      const variants = actions.flatMap(({ what }) => (what.kind === 'Create' ? [what.wanted.variant] : []));
      expect(new Set(variants)).toEqual(new Set(Object.keys(VARIANTS)));
    }),
    { numRuns: 30 },
  );
});

test('everything happens in order and within the time', () => {
  fc.assert(
    fc.property(plans, ({ shape, actions, damages, faults }) => {
      for (const list of [actions, damages, faults] as readonly (readonly Planned<unknown>[])[]) {
        const at = list.map(({ atMs }) => atMs);
        expect(at).toEqual([...at].sort((left, right) => left - right));
        expect(at.every((ms) => ms >= 0 && ms <= shape.seconds * 1000)).toBe(true);
      }
    }),
    { numRuns: 30 },
  );
});

test('nothing is done to an Emulator before it is created or after it is deleted', () => {
  fc.assert(
    fc.property(plans, ({ actions }) => {
      const there = new Set<string>();
      const gone = new Set<string>();
      for (const { what } of actions) {
        const name = 'wanted' in what ? what.wanted.name : what.name;
        expect(gone.has(name)).toBe(false);
        if (what.kind === 'Create') there.add(name);
        expect(there.has(name)).toBe(true);
        if (what.kind === 'Delete') gone.add(name);
      }
    }),
    { numRuns: 30 },
  );
});

test('an API server that is down isn’t struck again', () => {
  fc.assert(
    fc.property(plans, ({ faults }) => {
      const server = faults.filter(({ what }) => what.kind === 'KillApiServer' || what.kind === 'StopEtcd');
      for (const [index, { atMs, what }] of server.entries()) {
        const next = server[index + 1];
        if (next !== undefined) expect(next.atMs).toBeGreaterThanOrEqual(atMs + lengthOf(what));
      }
    }),
    { numRuns: 30 },
  );
});
