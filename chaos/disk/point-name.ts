import { UserError } from '../../scripts/console.ts';
import type { KillPoint } from './kill-point.ts';
import type { Kill } from './run-victim.ts';
import { scenarioOf } from './scenarios.ts';

/**
 * A point as people pass it to `--only`: the scenario and its kills in turn, `12-` before step 12, `12+` after it,
 * `153ms` after so many milliseconds; with `/process` the agent's own process is killed and its children live on.
 */
export function nameOf({ scenario, kills }: KillPoint): string {
  return `${scenario.name}:${kills.map(nameOfKill).join(',')}`;
}

function nameOfKill(kill: Kill): string {
  const when = 'milliseconds' in kill ? `${kill.milliseconds}ms` : `${kill.step}${kill.side === 'Before' ? '-' : '+'}`;
  return kill.scope === 'Process' ? `${when}/process` : when;
}

/** @throws UserError when it isn't the name of a point */
export function parsePoint(name: string): KillPoint {
  const [first = '', rest] = name.split(':');
  if (rest === undefined) throw new UserError(`--only takes SCENARIO:KILL,KILL, not "${name}"`);
  return { scenario: scenarioOf(first), kills: rest.split(',').map(parseKill) };
}

function parseKill(text: string): Kill {
  const parts = /^(\d+)(ms|-|\+)(\/process)?$/.exec(text);
  if (parts === null) throw new UserError(`a kill is 12-, 12+ or 153ms, with /process or without; not "${text}"`);
  const scope = parts[3] === undefined ? 'Pod' : 'Process';
  const number = Number(parts[1]);
  if (parts[2] === 'ms') return { milliseconds: number, scope };
  return { step: number, side: parts[2] === '-' ? 'Before' : 'After', scope };
}
