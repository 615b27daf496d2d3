import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderValuesSchema } from '../../scripts/chart/values-schema.ts';
import { chartFolder, helm, refusal } from './render.ts';

const disk = 'emulator.diskPVC="win98-disk"';
const snapshot = 'emulator.usePrebuiltSnapshot=true';

describe('the values', () => {
  it('pass helm lint --strict', async () => {
    const result = await helm('lint', '--strict', chartFolder);
    expect(result.all).toContain('0 chart(s) failed');
    expect(result.exitCode).toBe(0);
  });

  it('have the schema that is generated from the API', async () => {
    expect(await readFile(join(chartFolder, 'values.schema.json'), 'utf8')).toBe(renderValuesSchema());
  });

  const refused: readonly [why: string, settings: readonly string[], sentence: string | RegExp][] = [
    ['a misspelt option', ['emulator.diskPvc="x"'], /emulator.*'diskPvc' not allowed/],
    ['a misspelt group', ['operater.image="x"'], "'operater' not allowed"],
    ['a misspelt field of the spec', ['emulator.spec.storage={"sise":"4Gi"}'], /storage.*'sise' not allowed/],
    ['a word where true or false belongs', ['emulator.usePrebuiltSnapshot="yes"'], 'got string, want boolean'],
    ['an unknown mode', ['emulator.spec.storage.mode="Permanent"'], "'Persistent', 'Hybrid', 'Ephemeral'"],
    ['an unknown way with damaged disks', ['emulator.spec.disk={"onCorruption":"Repair"}'], "'Fail', 'Reprovision'"],
    ['a disk PVC that can be no name', ['emulator.diskPVC="Win98 disk"'], /diskPVC.*pattern/],
    ['a name that pods could not carry', [`emulator.name="${'a'.repeat(53)}"`], /emulator\/name.*want 52/],
    ['traces to no address', ['operator.traces.endpoint="tempo:4318"'], /traces\/endpoint.*pattern/],
    ['replicas as text', ['emulator.replicas="three"'], 'got string, want null or integer'],
    [
      'a mode that the options contradict',
      [disk, snapshot, 'emulator.spec.storage.mode="Ephemeral"'],
      'make the Emulator Hybrid, but emulator.spec.storage.mode says Ephemeral',
    ],
    [
      'two names for the claims',
      [disk, 'emulator.spec.storage.claimTemplateName="other"'],
      'emulator.spec.storage.claimTemplateName="other" are the same setting with two values',
    ],
    [
      'an own PVC for a machine without PVC',
      ['emulator.spec.storage.existingClaim={"name":"mine"}'],
      'is Ephemeral and has no PVC, but emulator.spec.storage.existingClaim is set. Set emulator.diskPVC',
    ],
    [
      'retention of no PVC',
      [snapshot, 'emulator.spec.storage.retention={"whenDeleted":"Delete"}'],
      'has no PVC, but emulator.spec.storage.retention is set',
    ],
    [
      'a snapshot that is not used',
      [disk, 'emulator.spec.disk.snapshot={"reference":"r.example.com/a:b"}'],
      'emulator.usePrebuiltSnapshot is false, so no snapshot is used',
    ],
    [
      'one PVC for two machines',
      [disk, 'emulator.spec.storage.existingClaim={"name":"mine"}', 'emulator.replicas=2'],
      "two machines can't share one",
    ],
    [
      'two numbers of replicas',
      [disk, 'emulator.replicas=2', 'emulator.spec.replicas=3'],
      'emulator.replicas=2 and emulator.spec.replicas=3 are the same setting',
    ],
  ];

  it.each(refused)('are refused: %s', async (_why, settings, sentence) => {
    expect(await refusal(...settings)).toMatch(sentence);
  });
});
