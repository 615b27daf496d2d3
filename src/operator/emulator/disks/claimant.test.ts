import fc from 'fast-check';
import { expect, test } from 'vitest';
import { claimNameFor } from './claim.ts';
import { type Claimant, claimantOf, claimWords, comesBefore, type Foothold, mayUse, sharedClaims } from './claimant.ts';

const part = fc.constantFrom('a', 'a-0', 'b', 'win98-disk', 'win98-disk-x', 'x', 'x-y', 'y', '0');
const joined = fc.array(part, { minLength: 1, maxLength: 2 }).map((parts) => parts.join('-'));
const claimants: fc.Arbitrary<Claimant> = fc.record({
  name: joined,
  uid: fc.uuid(),
  createdAt: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z'),
  spec: fc.record({
    replicas: fc.integer({ min: 0, max: 4 }),
    storage: fc.record({
      mode: fc.constantFrom('Persistent', 'Hybrid', 'Ephemeral'),
      claimTemplateName: joined,
      existingClaim: fc.option(
        fc.record({ name: fc.tuple(joined, fc.nat(5)).map(([name, ordinal]) => `${name}-${ordinal}`) }),
        { nil: undefined },
      ),
    }),
  }),
});

/** Every claim that a machine of this Emulator mounts. */
function mounted({ name, spec }: Claimant): string[] {
  const names = Array.from({ length: spec.replicas }, (_, ordinal) => claimNameFor(name, spec, ordinal));
  return [...new Set(names.filter((claim) => claim !== undefined))];
}

test('two Emulators share exactly the claims that machines of both would mount', () => {
  fc.assert(
    fc.property(claimants, claimants, (left, right) => {
      const both = mounted(left).filter((claim) => mounted(right).includes(claim));
      expect([...sharedClaims(left, right)].sort()).toEqual(both.sort());
      for (const claim of mounted(left)) expect(mayUse(left, claim)).toBe(true);
      if (both.length > 0) expect(claimWords(left).some((word) => claimWords(right).includes(word))).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

const footholds: readonly Foothold[] = ['None', 'StatefulSet', 'Pods'];
const contenders = fc.record({ claimant: claimants, foothold: fc.constantFrom(...footholds) });

test('of two Emulators exactly one comes before the other: the one that is further, else the older one', () => {
  fc.assert(
    fc.property(contenders, contenders, (left, right) => {
      fc.pre(left.claimant.uid !== right.claimant.uid);
      expect(comesBefore(left, right)).toBe(!comesBefore(right, left));
      const ahead = footholds.indexOf(left.foothold) - footholds.indexOf(right.foothold);
      const older = left.claimant.createdAt < right.claimant.createdAt;
      if (ahead > 0) expect(comesBefore(left, right)).toBe(true);
      if (ahead === 0 && older) expect(comesBefore(left, right)).toBe(true);
    }),
  );
});

test('of any number of Emulators that want one claim one comes before all others', () => {
  fc.assert(
    fc.property(fc.uniqueArray(contenders, { selector: ({ claimant }) => claimant.uid, minLength: 1 }), (all) => {
      const firsts = all.filter((each) => all.every((other) => other === each || comesBefore(each, other)));
      expect(firsts).toHaveLength(1);
    }),
  );
});

test('names that meet are seen: template win98-disk-x with y, and win98-disk with x-y', () => {
  const emulator = (name: string, claimTemplateName: string) =>
    claimantOf({
      metadata: { name, uid: name, creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: { replicas: 2, storage: { mode: 'Persistent', claimTemplateName }, image: 'what else there is' },
    });
  const [left, right] = [emulator('y', 'win98-disk-x'), emulator('x-y', 'win98-disk')];
  if (left === undefined || right === undefined) throw new Error('an Emulator could not be read');
  expect(sharedClaims(left, right)).toEqual(['win98-disk-x-y-0', 'win98-disk-x-y-1']);
});

test('an Emulator that can not be understood claims nothing', () => {
  expect(claimantOf({ metadata: { name: 'odd' }, spec: { storage: 'large' } })).toBeUndefined();
});
