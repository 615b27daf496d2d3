import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DiskWorkbench } from '../../test/agent/disk-workbench.ts';
import type { Fixtures } from './fixtures.ts';
import { endGroup, type Kill, runVictim } from './run-victim.ts';
import type { Expected, Scenario } from './scenarios.ts';
import { startAgain } from './start-again.ts';
import { USER_FILE } from './theirs.ts';
import { allocatedBytes, checkEnd, checkVisible, type Finding } from './visible.ts';

/** One run of a scenario with the kills that it gets, one after the other, before the start that must end well. */
export interface KillPoint {
  readonly scenario: Scenario;
  readonly kills: readonly Kill[];
}

export interface KillResult {
  readonly findings: readonly Finding[];
  /** Kills that met a living process. */
  readonly kills: number;
  readonly stagingBytes: number;
}

/** Carries out one point on a volume of its own. */
export async function runKillPoint(point: KillPoint, fixtures: Fixtures): Promise<KillResult> {
  const bench = await DiskWorkbench.create();
  try {
    const expected = await beginScenario(point.scenario, bench, fixtures);
    const findings: Finding[] = [];
    let kills = 0;
    let stagingBytes = 0;
    const survivors: number[] = [];
    for (const kill of point.kills) {
      const end = await runVictim(orderOf(point.scenario, bench, fixtures), kill);
      if (end.kind === 'Killed') {
        kills += 1;
        if (kill.scope === 'Process') survivors.push(end.group);
      }
      findings.push(...(await checkVisible(bench.volume, expected)));
      stagingBytes = Math.max(stagingBytes, await allocatedBytes(bench.volume.staging));
    }
    if (stagingBytes > expected.stagingBytes) {
      findings.push({ kind: 'Wrong', what: `the staging folder holds ${stagingBytes} bytes` });
    }
    const stuck = await startAgain(bench, fixtures);
    for (const group of survivors) await endGroup(group);
    findings.push(...stuck, ...(await checkEnd(bench.volume, expected)));
    return { findings, kills, stagingBytes };
  } finally {
    await bench[Symbol.asyncDispose]();
  }
}

/** The volume as it is before, with things of the user's on it. */
export async function beginScenario(scenario: Scenario, bench: DiskWorkbench, fixtures: Fixtures): Promise<Expected> {
  await writeFile(path.join(bench.volume.root, USER_FILE.name), USER_FILE.content);
  return scenario.begin(bench, fixtures);
}

export function orderOf(scenario: Scenario, bench: DiskWorkbench, fixtures: Fixtures) {
  return { root: bench.root, work: scenario.work, oras: fixtures.registry.oras, input: fixtures.disk };
}
