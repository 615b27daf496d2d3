import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fixtures, makeFixtures } from '../../chaos/disk/fixtures.ts';
import { runKills } from '../../chaos/disk/kill-run.ts';
import { parsePoint } from '../../chaos/disk/point-name.ts';
import { scenarios } from '../../chaos/disk/scenarios.ts';
import { seeded } from '../../chaos/random.ts';
import { mountExt4, onVolume } from '../../chaos/volume.ts';

let fixtures: Fixtures;

beforeAll(async () => {
  fixtures = await makeFixtures();
});

afterAll(() => fixtures.close());

// The short form of `npm run chaos -- disk`; a point that fails is named with the line that repeats it alone.
test('a preparation that is killed at any step or time shows no wrong disk and is made good by the next start', async () => {
  const said: string[] = [];
  const options = { fixtures, width: 2, say: (line: string) => said.push(line) };
  const counts = await onVolume(await mountExt4(250), () => runKills(scenarios, 28, seeded(1), options));
  expect(said).toEqual([]);
  expect(counts).toMatchObject({ points: 28, wrong: 0, lost: 0 });
  expect(counts.kills).toBeGreaterThan(22);
});

test('a point is repeated by its name', () => {
  expect(parsePoint('chunked:12+,153ms/process')).toMatchObject({
    scenario: { name: 'chunked' },
    kills: [
      { step: 12, side: 'After', scope: 'Pod' },
      { milliseconds: 153, scope: 'Process' },
    ],
  });
  expect(() => parsePoint('chunked')).toThrow('SCENARIO:KILL');
  expect(() => parsePoint('nothing:12+')).toThrow('no scenario nothing');
  expect(() => parsePoint('gzip:soon')).toThrow('12-, 12+ or 153ms');
});
