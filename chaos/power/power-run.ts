import { inTurn } from '../disk/in-turn.ts';
import type { Finding } from '../disk/visible.ts';
import type { Random } from '../random.ts';
import { powerCuts } from './explore.ts';
import { judge, type Recorded } from './judge.ts';
import type { Recording } from './operation.ts';
import { fingerprint } from './restore.ts';
import { everything, type PowerCut, type Survivors, surviving } from './survival.ts';
import { cutsWithout, type PlacedSync, syncsOf } from './without.ts';

/** What power cuts in one recording found. */
export interface PowerCounts {
  /** Different trees that were left, each with a start of its own. */
  readonly states: number;
  readonly wrong: number;
  readonly lost: number;
}

interface State {
  readonly survivors: Survivors;
  readonly promises: readonly string[];
  readonly after: number;
}

/** Cuts the power in a recording in every way that shows much, at most `limit` different trees of them. */
export async function runPowerCuts(
  recorded: Recorded,
  random: Random,
  limit: number,
  say: (line: string) => void,
): Promise<PowerCounts> {
  const states = differentStates(recorded.recording, powerCuts(recorded.recording, random, limit));
  const counts = { states: 0, wrong: 0, lost: 0 };
  await inTurn(spread(states, limit), 2, async (state) => {
    const findings = await judgeState(recorded, state);
    counts.states += 1;
    for (const { kind, what } of findings) {
      if (kind === 'Wrong') counts.wrong += 1;
      else counts.lost += 1;
      say(`${kind}: ${what}; after operation ${state.after}, left: ${listed(state.survivors)}`);
    }
  });
  return counts;
}

/** Whether a recording goes wrong where one of its syncs is left out: with what, or undefined when it doesn't. */
async function failsWithout(recorded: Recorded, sync: PlacedSync, random: Random): Promise<Finding | undefined> {
  for (const state of differentStates(recorded.recording, cutsWithout(recorded.recording, sync, random))) {
    const [finding] = await judgeState(recorded, state);
    if (finding !== undefined) return finding;
  }
  return undefined;
}

/** The name of each sync of a recording, with what goes wrong without it; undefined for one that nothing needs. */
export async function whatSyncsAreFor(
  recorded: Recorded,
  random: Random,
  /** A part of the names of those to look at. */
  only = '',
): Promise<ReadonlyMap<string, Finding | undefined>> {
  const found = new Map<string, Finding | undefined>();
  for (const state of differentStates(recorded.recording, [everything(recorded.recording)])) {
    const [finding] = await judgeState(recorded, state);
    if (finding !== undefined) throw new Error(`it goes wrong with every sync: ${finding.what}`);
  }
  const syncs = syncsOf(recorded.recording).filter(({ name }) => name.includes(only));
  await inTurn(syncs, 2, async (sync) => {
    const finding = await failsWithout(recorded, sync, random);
    found.set(sync.name, found.get(sync.name) ?? finding);
  });
  return found;
}

/** Power cuts in a recording of which one operation was moved: whether any goes wrong. */
export async function firstFinding(recorded: Recorded, random: Random): Promise<Finding | undefined> {
  for (const state of differentStates(recorded.recording, powerCuts(recorded.recording, random, 0))) {
    const [finding] = await judgeState(recorded, state);
    if (finding !== undefined) return finding;
  }
  return undefined;
}

function judgeState(recorded: Recorded, { survivors, promises, after }: State): Promise<Finding[]> {
  return judge(recorded, survivors, promises, after);
}

function* differentStates(recording: Recording, cuts: Iterable<PowerCut>): Generator<State> {
  const seen = new Set<string>();
  for (const cut of cuts) {
    const survivors = surviving(recording, cut);
    const promises = recording.operations
      .slice(0, cut.after)
      .flatMap((operation) => (operation.kind === 'Mark' ? [operation.name] : []));
    const print = `${fingerprint(survivors)} ${promises.join(' ')}`;
    if (seen.has(print)) continue;
    seen.add(print);
    yield { survivors, promises, after: cut.after };
  }
}

/** At most `limit` of them, over the whole row. */
function spread<T>(all: Iterable<T>, limit: number): T[] {
  const list = [...all];
  const stride = Math.max(1, list.length / limit);
  return list.filter((_, index) => Math.floor(index / stride) !== Math.floor((index - 1) / stride));
}

function listed({ names, contents }: Survivors): string {
  return [...names.walk()].map(({ path, node }) => `${path} (${contents.get(node)?.length ?? 'folder'})`).join(', ');
}
