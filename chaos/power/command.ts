import { step } from '../../scripts/console.ts';
import { type Fixtures, makeFixtures } from '../disk/fixtures.ts';
import { type Scenario, scenarioOf, scenarios } from '../disk/scenarios.ts';
import { type Random, seeded } from '../random.ts';
import { mountMemory, onVolume } from '../volume.ts';
import type { Recorded } from './judge.ts';
import { type PowerCounts, runPowerCuts, whatSyncsAreFor } from './power-run.ts';
import { recordScenario } from './record-scenario.ts';
import { makeSmallDisk } from './small-disk.ts';

/** For two machines at once, with their reserves. */
const VOLUME_MEBIBYTES = 96;

/** What is cut, and how often. */
export interface PowerOptions {
  readonly scenarios: readonly Scenario[];
  /** The most states of one scenario. */
  readonly states: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

/** The scenarios that are recorded: an import alone ends before its disk is published. */
export function recordable(name?: string): Scenario[] {
  return name === undefined ? scenarios.filter(({ work }) => work !== 'Import') : [scenarioOf(name)];
}

/** Records each scenario and cuts its power in many ways. */
export function runPower(options: PowerOptions): Promise<PowerCounts> {
  return withRecorded(options, { states: 0, wrong: 0, lost: 0 }, async (total, scenario, recorded, random) => {
    const say = (line: string) => options.say(`${scenario.name}: ${line}`);
    const counts = await runPowerCuts(recorded, random, options.states, say);
    step(`${scenario.name}: ${counts.states} states after a power cut`);
    return {
      states: total.states + counts.states,
      wrong: total.wrong + counts.wrong,
      lost: total.lost + counts.lost,
    };
  });
}

/** Leaves out the syncs whose names contain `name`, each alone: how many are needed, and which are not. */
export function runWithout(
  options: PowerOptions,
  name: string,
): Promise<{ readonly needed: number; readonly unneeded: readonly string[] }> {
  const none = { needed: 0, unneeded: [] as readonly string[] };
  return withRecorded(options, none, async (total, scenario, recorded, random) => {
    let { needed, unneeded } = total;
    const found = await whatSyncsAreFor(recorded, random, name);
    for (const [sync, finding] of found) {
      if (finding === undefined) unneeded = [...unneeded, `${scenario.name}: ${sync}`];
      else needed += 1;
      options.say(`${scenario.name}: without ${sync}: ${finding?.what ?? 'nothing goes wrong'}`);
    }
    return { needed, unneeded };
  });
}

async function withRecorded<T>(
  { scenarios: wanted, seed }: PowerOptions,
  start: T,
  work: (total: T, scenario: Scenario, recorded: Recorded, random: Random) => Promise<T>,
): Promise<T> {
  const random = seeded(seed);
  const fixtures = await makeFixtures(makeSmallDisk);
  try {
    let total = start;
    for (const scenario of wanted) {
      total = await recordedIn(scenario, fixtures, (recorded) => work(total, scenario, recorded, random));
    }
    return total;
  } finally {
    await fixtures.close();
  }
}

async function recordedIn<T>(
  scenario: Scenario,
  fixtures: Fixtures,
  work: (recorded: Recorded) => Promise<T>,
): Promise<T> {
  return onVolume(await mountMemory(VOLUME_MEBIBYTES), async () => {
    const recorded = await recordScenario(scenario, fixtures);
    try {
      return await work(recorded);
    } finally {
      await recorded.bench[Symbol.asyncDispose]();
    }
  });
}
