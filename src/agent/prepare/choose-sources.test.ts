import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DiskPlan, diskPlanSchema } from '../../contract/disk-plan.ts';
import { importPossible, sourcesFor } from './choose-sources.ts';

const snapshot = { reference: 'r/x:y', plainHTTP: false };

function plan(change: Partial<DiskPlan>): DiskPlan {
  return { schemaVersion: 1, mode: 'Persistent', source: 'Auto', builtinPath: '/b', onCorruption: 'Fail', ...change };
}

describe('the row of sources', () => {
  test.each([
    [plan({ mode: 'Persistent' }), ['Builtin', 'Import'], true],
    [plan({ mode: 'Persistent', source: 'Builtin' }), ['Builtin'], false],
    [plan({ mode: 'Persistent', source: 'Import' }), ['Import'], true],
    [plan({ mode: 'Hybrid', snapshot }), ['Builtin', 'Snapshot'], false],
    [plan({ mode: 'Hybrid', source: 'Snapshot', snapshot }), ['Snapshot'], false],
    [plan({ mode: 'Hybrid', source: 'Import', snapshot }), ['Import'], true],
    [plan({ mode: 'Ephemeral' }), ['Builtin'], false],
    [plan({ mode: 'Ephemeral', snapshot }), ['Builtin', 'Snapshot'], false],
    [plan({ mode: 'Ephemeral', source: 'Import' }), ['Import'], false],
  ] as const)('%#', (given, sources, takesImport) => {
    expect(sourcesFor(given)).toEqual(sources);
    expect(importPossible(given)).toBe(takesImport);
  });
});

test('whatever the plan, nothing is downloaded that was not named, and there is always a source to blame', () => {
  const plans = fc.record(
    {
      schemaVersion: fc.constant(1 as const),
      mode: fc.constantFrom(...diskPlanSchema.shape.mode.options),
      source: fc.constantFrom(...diskPlanSchema.shape.source.options),
      builtinPath: fc.constant('/b'),
      onCorruption: fc.constant('Fail' as const),
      snapshot: fc.constant(snapshot),
    },
    { requiredKeys: ['schemaVersion', 'mode', 'source', 'builtinPath', 'onCorruption'] },
  );
  fc.assert(
    fc.property(plans, (given) => {
      const sources = sourcesFor(given);
      expect(sources.length).toBeGreaterThan(0);
      expect(new Set(sources).size).toBe(sources.length);
      if (given.mode === 'Persistent' && given.source === 'Auto') expect(sources).not.toContain('Snapshot');
      if (given.mode === 'Ephemeral') expect(importPossible(given)).toBe(false);
    }),
  );
});
