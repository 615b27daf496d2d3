import { parseArgs } from 'node:util';
import { step, UserError } from '../../scripts/console.ts';
import { seeded } from '../random.ts';
import { makeFixtures } from './fixtures.ts';
import { type KillCounts, runKills, runPoints } from './kill-run.ts';
import { parsePoint } from './point-name.ts';
import { scenarios } from './scenarios.ts';

const WIDTH = 2;

/** `npm run chaos -- disk`: the last line of its output is JSON; see docs/chaos.md. Gives the exit code. */
export async function diskCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      points: { type: 'string', default: '300' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', multiple: true },
    },
  });
  const seed = wholeNumber('seed', values.seed);
  const points = wholeNumber('points', values.points);
  const only = values.only?.map(parsePoint);
  const began = performance.now();
  const fixtures = await makeFixtures();
  let counts: KillCounts;
  try {
    const options = { fixtures, width: WIDTH, say: step };
    counts =
      only === undefined ? await runKills(scenarios, points, seeded(seed), options) : await runPoints(only, options);
  } finally {
    await fixtures.close();
  }
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  process.stdout.write(`${JSON.stringify({ chaos: 'disk', seed, ...counts, seconds })}\n`);
  return counts.wrong + counts.lost === 0 ? 0 : 1;
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new UserError(`--${name} takes a whole number, not "${text}"`);
  return value;
}
