import path from 'node:path';
import { parseArgs } from 'node:util';
import { removeOnSignal } from '../../scripts/cluster/simulated/index.ts';
import { step } from '../../scripts/console.ts';
import { stateFolder } from '../../scripts/folders.ts';
import { wholeNumber } from '../whole-number.ts';
import { keepIn } from './evidence.ts';
import { makePlan, SHORT, shapeFor } from './plan.ts';
import { runOperatorChaos } from './run.ts';

/** `npm run chaos -- operator`: the last line of its output is JSON; see docs/chaos.md. Gives the exit code. */
export async function operatorCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      resources: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      short: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
    },
  });
  const seed = wholeNumber('seed', values.seed);
  const shape = values.short ? SHORT : shapeFor(wholeNumber('resources', values.resources));
  const { resources } = shape;
  const plan = makePlan(shape, seed);
  const lines: string[] = [];
  const log = (line: string): void => {
    lines.push(line);
    step(line);
  };
  const began = performance.now();
  const keep = keepIn(path.join(stateFolder, 'chaos'), plan, lines, step);
  const cluster = process.env.LOCO_CLUSTER ?? 'loco-chaos-operator';
  removeOnSignal(cluster);
  const { findings, ...verdict } = await runOperatorChaos({
    plan,
    cluster,
    log,
    keep,
    always: values.keep,
  });
  for (const finding of findings) process.stdout.write(`${finding}\n`);
  const seconds = Math.round((performance.now() - began) / 1000);
  process.stdout.write(`${JSON.stringify({ chaos: 'operator', seed, resources, ...verdict, seconds })}\n`);
  return findings.length === 0 ? 0 : 1;
}
