import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { claim } from '../observed.fixture.ts';
import type { ObservedClaim, ObservedStatefulSet, RefusedGrowth } from '../observed.ts';
import { decideResize, type ResizeInput } from './resize.ts';

const GI = 2 ** 30;

function statefulSet(more: Partial<ObservedStatefulSet> = {}): ObservedStatefulSet {
  return {
    uid: 'stateful-set-uid',
    leaving: false,
    scaleMark: 2,
    templateSize: '4Gi',
    templateUid: 'emulator-uid',
    templateBytes: 4 * GI,
    updateRevision: 'classroom-1',
    ...more,
  };
}

function input(more: Partial<ResizeInput>): ResizeInput {
  return {
    emulator: 'classroom',
    replicas: 2,
    size: 8 * GI,
    existingClaim: false,
    claims: [claim(0), claim(1)],
    statefulSet: statefulSet(),
    scaleDone: true,
    refusals: [],
    monotonicMs: 30_000,
    ...more,
  };
}

function refusal(more: Partial<RefusedGrowth> = {}): RefusedGrowth {
  return { uid: 'claim-0', bytes: 8 * GI, message: 'forbidden', at: 30_000, ...more };
}

describe('which claims are asked to grow', () => {
  const grown = { requestBytes: 8 * GI };
  const cases: [sentence: string, more: Partial<ResizeInput>, names: number[]][] = [
    ['those that ask for less than the spec', { claims: [claim(0), claim(1, grown)] }, [0]],
    ['none that asks for as much already, whatever its volume has', { claims: [claim(0, grown)] }, []],
    ['none that asks for more', { claims: [claim(0, { requestBytes: 9 * GI })] }, []],
    ['none whose request can not be read', { claims: [claim(0, { requestBytes: undefined })] }, []],
    ['none of a machine that a scale-down took away', { replicas: 1 }, [0]],
    ['none of another Emulator', { claims: [claim(0, { emulator: 'other' })] }, []],
    ['none of nobody', { claims: [claim(0, { emulator: undefined })] }, []],
    ['not the user’s own claim', { existingClaim: true, claims: [claim(0, { name: 'my-disk' })] }, []],
    ['none that is being deleted', { claims: [claim(0, { deleting: true })] }, []],
    ['none before it has a volume: the API server would refuse', { claims: [claim(0, { bound: false })] }, []],
    ['none that was refused just now', { refusals: [refusal()] }, [1]],
    ['one that was refused a while ago', { refusals: [refusal({ at: 0 })] }, [0, 1]],
    ['one that was refused another size', { refusals: [refusal({ bytes: 6 * GI })] }, [0, 1]],
    ['one whose predecessor of the same name was refused', { refusals: [refusal({ uid: 'old' })] }, [0, 1]],
    ['those of an Emulator without a StatefulSet', { statefulSet: undefined }, [0, 1]],
  ];

  test.each(cases)('%s', (_sentence, more, ordinals) => {
    const names = decideResize(input(more)).growths.map(({ uid }) => uid);
    expect(names).toEqual(ordinals.map((ordinal) => `claim-${ordinal}`));
  });

  test('each as the object that was looked at', () => {
    expect(decideResize(input({ replicas: 1 })).growths).toEqual([
      { name: 'win98-disk-classroom-0', uid: 'claim-0', resourceVersion: 'version-0', bytes: 8 * GI },
    ]);
  });

  test('what was refused is looked at again after 30 s, and else nothing is', () => {
    expect(decideResize(input({ refusals: [refusal()] })).againAfterMs).toBe(30_000);
    expect(decideResize(input({})).againAfterMs).toBeUndefined();
    expect(decideResize(input({ size: 4 * GI, refusals: [refusal()] })).againAfterMs).toBeUndefined();
  });
});

describe('when the StatefulSet makes room for another', () => {
  const cases: [sentence: string, more: Partial<ResizeInput>, uid: string | undefined][] = [
    ['when its claim template has another size', {}, 'stateful-set-uid'],
    ['not when its claim template has the size', { size: 4 * GI }, undefined],
    ['not while a scale-down still needs its scale mark', { scaleDone: false }, undefined],
    ['not when it is leaving already', { statefulSet: statefulSet({ leaving: true }) }, undefined],
    ['not when there is none', { statefulSet: undefined }, undefined],
    ['not when it has no claim template', { statefulSet: statefulSet({ templateBytes: undefined }) }, undefined],
    ['also when the API server lets no claim grow', { refusals: [refusal()] }, 'stateful-set-uid'],
  ];

  test.each(cases)('%s', (_sentence, more, uid) => {
    expect(decideResize(input(more)).replacement).toBe(uid);
  });
});

interface World {
  size: number;
  replicas: number;
  template: number | undefined;
  leaving: boolean;
  claims: Map<number, ObservedClaim>;
  refusals: RefusedGrowth[];
  /** The StorageClass allows growing. */
  allowed: boolean;
}

const foreign = claim(1, { uid: 'foreign', emulator: 'other', requestBytes: GI, capacityBytes: GI });

/** One pass of the operator, and what the API server makes of it. */
function pass(world: World): void {
  const { growths, replacement } = decideResize(
    input({
      ...world,
      claims: [...world.claims.values()],
      statefulSet:
        world.template === undefined
          ? undefined
          : statefulSet({ templateBytes: world.template, leaving: world.leaving, uid: `set-${world.template}` }),
    }),
  );
  for (const { uid, bytes } of growths) {
    const [ordinal, target] = [...world.claims].find(([, { uid: other }]) => other === uid) ?? [];
    if (ordinal === undefined || target === undefined) throw new Error(`there is no claim ${uid}`);
    expect(target.emulator).toBe('classroom');
    expect(bytes).toBeGreaterThan(target.requestBytes ?? 0);
    if (world.allowed) world.claims.set(ordinal, { ...target, requestBytes: bytes, resourceVersion: `v${bytes}` });
    else world.refusals = [{ uid, bytes, message: 'no', at: 30_000 }];
  }
  if (replacement !== undefined) {
    expect(replacement).toBe(`set-${world.template}`);
    world.leaving = true;
  } else if (world.template === undefined) world.template = world.size;
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('grow' as const), by: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant('scale' as const), replicas: fc.nat({ max: 4 }) }),
  fc.record({ kind: fc.constant('allow' as const), allowed: fc.boolean() }),
  fc.record({
    kind: fc.constant('editClaim' as const),
    ordinal: fc.nat({ max: 3 }),
    by: fc.integer({ min: 1, max: 3 }),
  }),
  fc.constant({ kind: 'collect' as const }),
  fc.constant({ kind: 'restartOperator' as const }),
  fc.constant({ kind: 'pass' as const }),
);

function happen(world: World, next: typeof step extends fc.Arbitrary<infer Step> ? Step : never): void {
  if (next.kind === 'grow') world.size += next.by * GI;
  if (next.kind === 'scale') world.replicas = next.replicas;
  if (next.kind === 'allow') world.allowed = next.allowed;
  if (next.kind === 'restartOperator') world.refusals = [];
  if (next.kind === 'collect' && world.leaving) Object.assign(world, { template: undefined, leaving: false });
  if (next.kind === 'pass') pass(world);
  if (next.kind !== 'editClaim') return;
  const target = world.claims.get(next.ordinal);
  const requestBytes = (target?.requestBytes ?? 0) + next.by * GI;
  if (target !== undefined && target !== foreign) world.claims.set(next.ordinal, { ...target, requestBytes });
}

test('whatever happens in whatever order: no claim shrinks, none of others is touched, and in the end all have the size', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world: World = {
        size: 4 * GI,
        replicas: 3,
        template: 4 * GI,
        leaving: false,
        claims: new Map([0, 2, 3].map((ordinal) => [ordinal, claim(ordinal)])),
        refusals: [],
        allowed: true,
      };
      world.claims.set(1, foreign);
      for (const next of steps) {
        const before = new Map(world.claims);
        happen(world, next);
        for (const [ordinal, { requestBytes }] of world.claims) {
          expect(requestBytes).toBeGreaterThanOrEqual(before.get(ordinal)?.requestBytes ?? 0);
        }
      }
      Object.assign(world, { allowed: true, refusals: [] });
      for (const kind of ['collect', 'pass', 'pass', 'collect', 'pass'] as const) happen(world, { kind });
      const settled = structuredClone(world);
      pass(world);
      expect(world).toEqual(settled);
      expect(world.template).toBe(world.size);
      expect(world.claims.get(1)).toEqual(foreign);
      for (const [ordinal, { requestBytes }] of world.claims) {
        if (ordinal !== 1 && ordinal < world.replicas) expect(requestBytes).toBeGreaterThanOrEqual(world.size);
      }
    }),
  );
});
