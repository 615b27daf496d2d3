import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixtures, makeFixtures } from '../../chaos/disk/fixtures.ts';
import { scenarioOf } from '../../chaos/disk/scenarios.ts';
import { cutExt4 } from '../../chaos/power/ext4.ts';
import { firstFinding, runPowerCuts, whatSyncsAreFor } from '../../chaos/power/power-run.ts';
import { recordScenario } from '../../chaos/power/record-scenario.ts';
import { makeSmallDisk } from '../../chaos/power/small-disk.ts';
import { operationAt, withEarlier } from '../../chaos/power/without.ts';
import { seeded } from '../../chaos/random.ts';
import { type MountedVolume, mountMemory } from '../../chaos/volume.ts';

let fixtures: Fixtures;
let memory: MountedVolume;
const onDisk = process.env.TMPDIR;

beforeAll(async () => {
  fixtures = await makeFixtures(makeSmallDisk);
  memory = await mountMemory(128);
  process.env.TMPDIR = memory.folder;
});

afterAll(async () => {
  if (onDisk === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = onDisk;
  await memory.close();
  await fixtures.close();
});

describe('with what a file system may make of a power cut', () => {
  test.each(['start'])(
    'the volume of %s holds no wrong disk, and nothing that was said to be done is lost',
    async (name) => {
      const { bench, ...recorded } = await recordScenario(scenarioOf(name), fixtures);
      await using _ = bench;
      const said: string[] = [];
      const counts = await runPowerCuts(recorded, seeded(1), 16, (line) => said.push(line));
      expect(said).toEqual([]);
      expect(counts.states).toBeGreaterThan(10);
    },
  );

  // The same with any sync left out, one after the other: each must go wrong, but for those that another makes up for.
  test.each([
    { name: 'start', doubled: [] },
    // `.loco` and the user's own disk were there long before.
    { name: 'adoption', doubled: ['the volume #1', 'win98.qcow2 #1'] },
    // And the next disk can't have its name unless the one before has gone to the quarantine.
    { name: 'reprovision', doubled: ['.loco/quarantine/*-* #2', 'the volume #1', 'the volume #2'] },
  ])('every sync of $name is needed', async ({ name, doubled }) => {
    const { bench, ...recorded } = await recordScenario(scenarioOf(name), fixtures);
    await using _ = bench;
    const found = await whatSyncsAreFor(recorded, seeded(1));
    expect(found.size).toBeGreaterThan(3);
    expect([...found].flatMap(([sync, finding]) => (finding === undefined ? [sync] : [])).sort()).toEqual(doubled);
  });
});

describe('the order of the steps', () => {
  test('a disk that had its name before its record were durable would go wrong', async () => {
    const { bench, ...recorded } = await recordScenario(scenarioOf('builtin'), fixtures);
    await using _ = bench;
    const { recording } = recorded;
    const name = operationAt(recording, 'Make', 'win98.qcow2');
    const record = operationAt(recording, 'Make', 'disk.json.next');
    expect(
      await firstFinding({ ...recorded, recording: withEarlier(recording, name, record) }, seeded(1)),
    ).toBeDefined();
  });

  test('an ephemeral disk that went after its record would go wrong', async () => {
    const { bench, ...recorded } = await recordScenario(scenarioOf('refill'), fixtures);
    await using _ = bench;
    const { recording } = recorded;
    const disk = operationAt(recording, 'Remove', 'win98.qcow2');
    const record = operationAt(recording, 'Remove', 'disk.json');
    expect(
      await firstFinding({ ...recorded, recording: withEarlier(recording, record, disk) }, seeded(1)),
    ).toBeDefined();
  });
});

describe('on a real ext4 whose file is copied as after a power cut', () => {
  const scenario = scenarioOf('builtin');
  const staged = '.loco/staging/builtin.partial';

  test.each(['plain', 'unkind'] as const)('a disk that was said to be ready is there (mounted %s)', async (mount) => {
    expect(await cutExt4({ scenario, mount }, fixtures)).toEqual([]);
  });

  test.each([
    { left: 'the staged disk', without: [staged] },
    { left: 'the next record', without: ['.loco/disk.json.next'] },
    { left: 'everything', without: 'all' as const },
  ])('a preparation that does not sync $left goes wrong', async ({ without }) => {
    expect(await cutExt4({ scenario, mount: 'unkind', without }, fixtures)).not.toEqual([]);
  });
});
