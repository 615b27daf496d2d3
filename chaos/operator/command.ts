import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { step } from '../../scripts/console.ts';
import { stateFolder } from '../../scripts/folders.ts';
import { wholeNumber } from '../whole-number.ts';
import { makePlan, shapeFor } from './plan.ts';
import { runOperatorChaos } from './run.ts';

/** `npm run chaos -- operator`: the last line of its output is JSON; see docs/chaos.md. Gives the exit code. */
export async function operatorCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { resources: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
  });
  const seed = wholeNumber('seed', values.seed);
  const resources = wholeNumber('resources', values.resources);
  const plan = makePlan(shapeFor(resources), seed);
  const lines: string[] = [];
  const log = (line: string): void => {
    lines.push(line);
    step(line);
  };
  const began = performance.now();
  const keep = async (name: string, files: readonly string[]): Promise<void> => {
    const folder = path.join(stateFolder, 'chaos', name);
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'plan.json'), JSON.stringify(plan, null, 1));
    await writeFile(path.join(folder, 'happened.txt'), `${lines.join('\n')}\n`);
    for (const file of files) await cp(file, path.join(folder, path.basename(file)));
    step(`what happened lies in ${folder}`);
  };
  const { findings, ...verdict } = await runOperatorChaos({ plan, cluster: 'loco-chaos-operator', log, keep });
  for (const finding of findings) process.stdout.write(`${finding}\n`);
  const seconds = Math.round((performance.now() - began) / 1000);
  process.stdout.write(`${JSON.stringify({ chaos: 'operator', seed, resources, ...verdict, seconds })}\n`);
  return findings.length === 0 ? 0 : 1;
}
