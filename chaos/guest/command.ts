import { parseArgs } from 'node:util';
import { step } from '../../scripts/console.ts';
import { seeded } from '../random.ts';
import { wholeNumber } from '../whole-number.ts';
import { openScenario } from './cluster.ts';
import { runStrikes } from './strike-run.ts';

/** `npm run chaos -- guest`: the last line of its output is JSON; see docs/chaos.md. Gives the exit code. */
export async function guestCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      deletions: { type: 'string', default: '20' },
      kills: { type: 'string', default: '5' },
      seed: { type: 'string', default: '1' },
    },
  });
  const seed = wholeNumber('seed', values.seed);
  const wanted = {
    deletions: wholeNumber('deletions', values.deletions),
    kills: wholeNumber('kills', values.kills),
  };
  const scenario = await openScenario('chaos-guest');
  const began = performance.now();
  const counts = await runStrikes(scenario, wanted, seeded(seed), step).finally(() => scenario.close());
  const seconds = Math.round((performance.now() - began) / 1000);
  process.stdout.write(`${JSON.stringify({ chaos: 'guest', seed, ...counts, seconds })}\n`);
  return counts.wrong === 0 ? 0 : 1;
}
