import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fixtures, makeFixtures } from '../../chaos/disk/fixtures.ts';
import { runKills } from '../../chaos/disk/kill-run.ts';
import { scenarios } from '../../chaos/disk/scenarios.ts';
import { seeded } from '../../chaos/random.ts';

let fixtures: Fixtures;

beforeAll(async () => {
  fixtures = await makeFixtures();
});

afterAll(() => fixtures.close());

// The short form of `npm run chaos -- disk`; a point that fails is named with the line that repeats it alone.
test('a preparation that is killed at any step or time shows no wrong disk and is made good by the next start', async () => {
  const said: string[] = [];
  const counts = await runKills(scenarios, 36, seeded(1), { fixtures, width: 2, say: (line) => said.push(line) });
  expect(said).toEqual([]);
  expect(counts).toMatchObject({ points: 36, wrong: 0, lost: 0 });
  expect(counts.kills).toBeGreaterThan(30);
});
