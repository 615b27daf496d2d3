import { between, type Random } from '../random.ts';
import type { KillPoint } from './kill-point.ts';
import type { Kill, TimeKill } from './run-victim.ts';
import type { Scenario } from './scenarios.ts';

/** How a scenario goes when nobody disturbs it. */
export interface Measured {
  readonly scenario: Scenario;
  readonly steps: number;
  readonly milliseconds: number;
}

/**
 * Chooses the points of a run: two thirds of them at the steps, before and after each, all of them where they are so
 * many; the others at random times, a third of those several in a row.
 */
export function planPoints(measured: readonly Measured[], count: number, random: Random): KillPoint[] {
  const steps = evenly(stepPoints(measured), Math.ceil((count * 2) / 3), random);
  const points = [...steps];
  for (let index = 0; points.length < count; index += 1) {
    const one = measured[index % measured.length];
    if (one !== undefined) points.push({ scenario: one.scenario, kills: randomKills(one, random) });
  }
  return points;
}

/** All points at the steps of the volume's files; every third leaves the agent's children alive. */
function stepPoints(measured: readonly Measured[]): KillPoint[] {
  let index = 0;
  return measured.flatMap(({ scenario, steps }) =>
    Array.from({ length: steps * 2 }, (_, half): KillPoint => {
      index += 1;
      const side = half % 2 === 0 ? 'Before' : 'After';
      const scope = index % 3 === 0 ? 'Process' : 'Pod';
      return { scenario, kills: [{ step: Math.floor(half / 2) + 1, side, scope }] };
    }),
  );
}

/** At most `count` of them, spread over the whole row, from a random start. */
function evenly<T>(all: readonly T[], count: number, random: Random): T[] {
  if (all.length <= count) return [...all];
  const stride = all.length / count;
  const start = random() * stride;
  return Array.from({ length: count }, (_, index) => all[Math.floor(start + index * stride)]).flatMap((one) =>
    one === undefined ? [] : [one],
  );
}

function randomKills(measured: Measured, random: Random): Kill[] {
  const count = random() < 2 / 3 ? 1 : between(random, 2, 5);
  return Array.from({ length: count }, () => randomKill(measured, random));
}

function randomKill({ milliseconds }: Measured, random: Random): TimeKill {
  return {
    milliseconds: between(random, 0, Math.ceil(milliseconds)),
    scope: random() < 3 / 4 ? 'Pod' : 'Process',
  };
}
