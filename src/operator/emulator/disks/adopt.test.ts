import { expect, test } from 'vitest';
import { claim, disk, report } from '../observed.fixture.ts';
import { type AdoptionInput, adoptClaim } from './adopt.ts';

function adopt(more: Partial<AdoptionInput>) {
  return adoptClaim({
    owner: { name: 'classroom', namespace: 'school', uid: 'emulator-uid' },
    claim: claim(0),
    existingClaim: false,
    whenDeleted: 'Retain',
    report: undefined,
    ...more,
  });
}

test('a claim that says all already is not written', () => {
  expect(adopt({})).toBeUndefined();
  expect(adopt({ claim: claim(0, { collected: true }), whenDeleted: 'Delete' })).toBeUndefined();
  expect(adopt({ claim: claim(0, { disk: disk(0) }), report: report(0, { disk: disk(0) }) })).toBeUndefined();
});

test('a claim without an annotation becomes ours', () => {
  const patch = adopt({ claim: claim(0, { emulator: undefined }) });
  expect(patch?.metadata).toMatchObject({
    uid: 'claim-0',
    // Somebody else may take it at the same moment.
    resourceVersion: 'version-0',
    annotations: { 'loco.mroie.github.io/emulator': 'classroom' },
    ownerReferences: [],
  });
});

test('whenDeleted: Delete is an owner reference, and going back to Retain takes it off', () => {
  expect(adopt({ whenDeleted: 'Delete' })?.metadata.ownerReferences).toMatchObject([{ uid: 'emulator-uid' }]);
  expect(adopt({ claim: claim(0, { collected: true }) })?.metadata.ownerReferences).toEqual([]);
});

test('an existing claim is never made to go with the Emulator', () => {
  expect(adopt({ existingClaim: true, whenDeleted: 'Delete' })).toBeUndefined();
});

test('what the machine reported of its disk is kept on the claim, whatever its phase', () => {
  const patch = adopt({ report: report(0, { disk: disk(0) }) });
  expect(JSON.parse(patch?.metadata.annotations?.['loco.mroie.github.io/disk'] ?? '')).toEqual(disk(0));
});

test('a machine that says it has no disk ends what was known of an earlier one', () => {
  const patch = adopt({ claim: claim(0, { disk: disk(0) }), report: report(0, { phase: 'AwaitingDisk' }) });
  expect(patch?.metadata.annotations).toEqual({
    'loco.mroie.github.io/emulator': 'classroom',
    'loco.mroie.github.io/emulator-uid': 'emulator-uid',
  });
});

test('a machine that does not use a damaged disk, or waits for a volume in use, ends nothing', () => {
  for (const reason of ['DiskCorrupt', 'VolumeInUse']) {
    const said = report(0, { phase: 'DiskFailed', reason });
    expect(adopt({ claim: claim(0, { disk: disk(0) }), report: said })).toBeUndefined();
  }
});

test('a machine that went through its sources in vain has no disk', () => {
  const attempts = [{ source: 'Builtin' as const, reason: 'BuiltinDiskMissing', message: 'none' }];
  const patch = adopt({ claim: claim(0, { disk: disk(0) }), report: report(0, { phase: 'DiskFailed', attempts }) });
  expect(patch?.metadata.annotations).not.toHaveProperty('loco.mroie.github.io/disk');
});

test('a machine that has not looked yet ends nothing', () => {
  expect(adopt({ claim: claim(0, { disk: disk(0) }), report: report(0, { phase: 'Preparing' }) })).toBeUndefined();
});

test('a claim that is being deleted is left alone', () => {
  expect(adopt({ claim: claim(0, { deleting: true, emulator: undefined }) })).toBeUndefined();
});
