import { expect, test } from 'vitest';
import { diskPlanSchema } from '../../contract/disk-plan.ts';
import { type DiskRecord, diskOriginSchema } from '../../contract/disk-record.ts';
import type { Failure } from '../failure.ts';
import { decideDamage } from './damage.ts';

const failure: Failure = { reason: 'DiskCorrupt', message: 'Damage.' };
const every = diskPlanSchema.shape.mode.options.flatMap((mode) =>
  diskOriginSchema.options.map((origin) => ({ mode, origin })),
);

test.each(every)('under Fail a damaged disk stays ($mode, $origin)', ({ mode, origin }) => {
  const decision = decideDamage({ mode, onCorruption: 'Fail' }, { origin } as DiskRecord, failure, '/images/d');
  expect(decision).toMatchObject({ kind: 'Leave', failure: { reason: 'DiskCorrupt' } });
});

test.each(every)('under Reprovision only what is lost by its mode is not kept ($mode, $origin)', ({ mode, origin }) => {
  const { kind } = decideDamage({ mode, onCorruption: 'Reprovision' }, { origin } as DiskRecord, failure, '/images/d');
  expect(kind).toBe(mode === 'Ephemeral' && origin !== 'Imported' ? 'Refill' : 'Quarantine');
});
