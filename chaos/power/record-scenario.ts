import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { DiskWorkbench } from '../../test/agent/disk-workbench.ts';
import type { Fixtures } from '../disk/fixtures.ts';
import { beginScenario, orderOf } from '../disk/kill-point.ts';
import type { Scenario } from '../disk/scenarios.ts';
import type { Recorded } from './judge.ts';
import { record } from './record.ts';

const victim = fileURLToPath(new URL('../disk/victim.ts', import.meta.url));

/** Runs a scenario once, whole, and records what it does to its volume. The caller disposes of the workbench. */
export async function recordScenario(
  scenario: Scenario,
  fixtures: Fixtures,
): Promise<Recorded & { readonly bench: DiskWorkbench }> {
  const bench = await DiskWorkbench.create();
  const expected = await beginScenario(scenario, bench, fixtures);
  const marks = path.join(bench.root, 'marks');
  await mkdir(marks);
  const order = JSON.stringify({ ...orderOf(scenario, bench, fixtures), marks });
  const recording = await record({ volume: bench.volume.root, marks, command: [process.execPath, victim, order] });
  return { recording, expected, settings: path.join(bench.root, 'etc'), fixtures, bench };
}
