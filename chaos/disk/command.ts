import { parseArgs } from 'node:util';
import { step } from '../../scripts/console.ts';
import { type PowerOptions, recordable, runPower, runWithout } from '../power/command.ts';
import { seeded } from '../random.ts';
import { mountExt4, onVolume } from '../volume.ts';
import { wholeNumber } from '../whole-number.ts';
import { makeFixtures } from './fixtures.ts';
import type { KillPoint } from './kill-point.ts';
import { type KillCounts, runKills, runPoints } from './kill-run.ts';
import { parsePoint } from './point-name.ts';
import { scenarios } from './scenarios.ts';

const WIDTH = 2;
/** Small, so that little is spent on each machine's reserve. */
const VOLUME_MEBIBYTES = 250;

/** `npm run chaos -- disk`: the last line of its output is JSON; see docs/chaos.md. Gives the exit code. */
export async function diskCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      points: { type: 'string', default: '300' },
      states: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
      scenario: { type: 'string' },
      only: { type: 'string', multiple: true },
      without: { type: 'string' },
    },
  });
  const seed = wholeNumber('seed', values.seed);
  const count = wholeNumber('points', values.points);
  const states = wholeNumber('states', values.states);
  const power = { scenarios: recordable(values.scenario), states, seed, say: step };
  const began = performance.now();
  const finish = (result: object, failed: boolean) => {
    const seconds = Math.round((performance.now() - began) / 100) / 10;
    process.stdout.write(`${JSON.stringify({ chaos: 'disk', seed, ...result, seconds })}\n`);
    return failed ? 1 : 0;
  };
  if (values.without !== undefined) {
    const found = await runWithout(power, values.without);
    return finish(found, found.needed > 0);
  }
  const only = values.only?.map(parsePoint);
  const found = await runBoth(only ?? count, seed, only === undefined ? power : { ...power, states: 0 });
  return finish(found, found.wrong + found.lost > 0);
}

/** Kills on a real file system, then power cuts. */
async function runBoth(points: number | readonly KillPoint[], seed: number, power: PowerOptions) {
  const killed = points === 0 ? NONE : await killAll(points, seed, power.say);
  const cut = power.states === 0 ? { states: 0, wrong: 0, lost: 0 } : await runPower(power);
  return { ...killed, powerCuts: cut.states, wrong: killed.wrong + cut.wrong, lost: killed.lost + cut.lost };
}

const NONE: KillCounts = { points: 0, kills: 0, wrong: 0, lost: 0, stagingPeakBytes: 0 };

async function killAll(
  points: number | readonly KillPoint[],
  seed: number,
  say: (line: string) => void,
): Promise<KillCounts> {
  const fixtures = await makeFixtures();
  try {
    const options = { fixtures, width: WIDTH, say };
    return await onVolume(await mountExt4(VOLUME_MEBIBYTES), () =>
      typeof points === 'number' ? runKills(scenarios, points, seeded(seed), options) : runPoints(points, options),
    );
  } finally {
    await fixtures.close();
  }
}
