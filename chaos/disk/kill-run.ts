import { DiskWorkbench } from '../../test/agent/disk-workbench.ts';
import type { Random } from '../random.ts';
import type { Fixtures } from './fixtures.ts';
import { inTurn } from './in-turn.ts';
import { beginScenario, type KillPoint, orderOf, runKillPoint } from './kill-point.ts';
import { type Measured, planPoints } from './plan-points.ts';
import { nameOf } from './point-name.ts';
import { runVictim } from './run-victim.ts';
import type { Scenario } from './scenarios.ts';

/** What a run of kills found. */
export interface KillCounts {
  readonly points: number;
  /** SIGKILLs that met a living process: a point may have several, or none when the work was done sooner. */
  readonly kills: number;
  readonly wrong: number;
  readonly lost: number;
  /** The most that lay in a staging folder after a kill, in bytes. */
  readonly stagingPeakBytes: number;
}

export interface KillRunOptions {
  readonly fixtures: Fixtures;
  /** Points that run at the same time. */
  readonly width: number;
  /** A line for people. */
  readonly say: (line: string) => void;
}

/** Runs every scenario once undisturbed, to learn how many steps and how long it is. */
async function measureScenarios(scenarios: readonly Scenario[], fixtures: Fixtures): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const scenario of scenarios) {
    const bench = await DiskWorkbench.create();
    try {
      await beginScenario(scenario, bench, fixtures);
      const end = await runVictim(orderOf(scenario, bench, fixtures));
      if (end.kind === 'Killed') throw new Error(`${scenario.name} was killed by somebody else`);
      measured.push({ scenario, steps: end.steps, milliseconds: end.milliseconds });
    } finally {
      await bench[Symbol.asyncDispose]();
    }
  }
  return measured;
}

/** Measures the scenarios, plans the points and carries them out. */
export async function runKills(
  scenarios: readonly Scenario[],
  count: number,
  random: Random,
  options: KillRunOptions,
): Promise<KillCounts> {
  const measured = await measureScenarios(scenarios, options.fixtures);
  return runPoints(planPoints(measured, count, random), options);
}

/** Carries out points, and says of each that went wrong how to repeat it. */
export async function runPoints(points: readonly KillPoint[], options: KillRunOptions): Promise<KillCounts> {
  const counts = { points: 0, kills: 0, wrong: 0, lost: 0, stagingPeakBytes: 0 };
  await inTurn(points, options.width, async (point) => {
    const result = await runKillPoint(point, options.fixtures);
    counts.points += 1;
    counts.kills += result.kills;
    counts.stagingPeakBytes = Math.max(counts.stagingPeakBytes, result.stagingBytes);
    for (const { kind, what } of result.findings) {
      if (kind === 'Wrong') counts.wrong += 1;
      else counts.lost += 1;
      options.say(`${kind}: ${what}; again: npm run chaos -- disk --only ${nameOf(point)}`);
    }
    if (counts.points % 50 === 0) options.say(`${counts.points} of ${points.length} points`);
  });
  return counts;
}
