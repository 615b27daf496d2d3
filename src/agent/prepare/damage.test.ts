import { expect, test } from 'vitest';
import { diskPlanSchema } from '../../contract/disk-plan.ts';
import { diskOriginSchema } from '../../contract/disk-record.ts';
import type { Failure } from '../failure.ts';
import { decideDamage } from './damage.ts';

const failure: Failure = { reason: 'DiskCorrupt', message: 'Damage.' };
const disk = { path: '/images/d', isChanged: false, isLink: false };
const every = diskPlanSchema.shape.mode.options.flatMap((mode) =>
  diskOriginSchema.options.map((origin) => ({ mode, origin })),
);

test.each(every)('under Fail a damaged disk stays ($mode, $origin)', ({ mode, origin }) => {
  const decision = decideDamage({ mode, onCorruption: 'Fail' }, { ...disk, origin }, failure);
  expect(decision).toMatchObject({ kind: 'Leave', failure: { reason: 'DiskCorrupt' } });
});

test.each(every)('under Reprovision only what is lost by its mode is not kept ($mode, $origin)', ({ mode, origin }) => {
  const plan = { mode, onCorruption: 'Reprovision' } as const;
  const { kind } = decideDamage(plan, { ...disk, origin }, failure);
  expect(kind).toBe(mode === 'Ephemeral' && origin !== 'Imported' ? 'Refill' : 'Quarantine');
  // Whatever its record says of it: somebody else wrote this.
  expect(decideDamage(plan, { ...disk, origin, isChanged: true }, failure).kind).toBe('Quarantine');
  expect(decideDamage(plan, { ...disk, origin, isLink: true }, failure)).toMatchObject({
    kind: 'Leave',
    failure: { message: expect.stringContaining('remove the link') },
  });
});
