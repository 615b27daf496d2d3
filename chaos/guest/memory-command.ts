import { parseArgs } from 'node:util';
import { step, UserError } from '../../scripts/console.ts';
import { openScenario } from './cluster.ts';
import { loadMemory } from './memory-hour.ts';

/** `npm run chaos -- memory`: the last line of its output is JSON; see docs/chaos.md. Gives the exit code. */
export async function memoryCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { minutes: { type: 'string', default: '60' } } });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new UserError(`--minutes takes a number above 0, not "${values.minutes}"`);
  const scenario = await openScenario('chaos-memory');
  const counts = await loadMemory(scenario, minutes, step).finally(() => scenario.close());
  process.stdout.write(`${JSON.stringify({ chaos: 'memory', ...counts })}\n`);
  return counts.kills + counts.restarts === 0 ? 0 : 1;
}
