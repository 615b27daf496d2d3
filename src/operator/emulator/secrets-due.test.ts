import { expect, test } from 'vitest';
import { emulator, NOW, observed, pod } from './observed.fixture.ts';
import { decideSecrets } from './secrets-due.ts';

const at = (scheduledMs: number) => {
  const scheduledAt = new Date(NOW.getTime() + scheduledMs);
  const pods = [pod(0, { mounted: false, running: false, scheduledAt })];
  const { create, againAfterMs } = decideSecrets(observed(emulator(), { secretsMade: true, pods }), NOW);
  return { create, againAfterMs };
};

test.each([
  ['a pod that waits since just now is given its time', -1_000, { create: false, againAfterMs: 119_000 }],
  ['one that waits for long may be missing a Secret', -120_000, { create: true, againAfterMs: undefined }],
  ['clocks of nodes differ a little', 1_000, { create: false, againAfterMs: 121_000 }],
  ['a clock that was set back holds nothing back', 3_600_000, { create: true, againAfterMs: undefined }],
])('%s', (_, scheduledMs, decision) => {
  expect(at(scheduledMs)).toEqual(decision);
});
