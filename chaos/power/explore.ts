import { between, type Random } from '../random.ts';
import type { NodeId, Recording } from './operation.ts';
import { durableOperations, type Fate, type PowerCut } from './survival.ts';

const FATES: readonly Fate[] = ['Kept', 'Dropped', 'Zeros', 'Torn', 'Cut'];

/**
 * The power cuts that show most: at every moment between two operations all kept, all dropped, each undurable name
 * dropped alone and kept alone, each with a fate of the contents; and `extra` combinations at random.
 */
export function* powerCuts(recording: Recording, random: Random, extra: number): Generator<PowerCut> {
  for (let after = 0; after <= recording.operations.length; after += 1) {
    // Within a row of writes to one file, only the last moment and a random one are told apart.
    if (isWithinWrites(recording, after) && random() > 0.02) continue;
    yield* cutsAt(recording, after, random);
  }
  for (let index = 0; index < extra; index += 1) {
    const after = between(random, 0, recording.operations.length);
    yield cutWith(
      after,
      random,
      () => random() < 0.5,
      () => pick(FATES, random),
    );
  }
}

function isWithinWrites({ operations }: Recording, after: number): boolean {
  return operations[after - 1]?.kind === 'Write' && operations[after]?.kind === 'Write';
}

function* cutsAt(recording: Recording, after: number, random: Random): Generator<PowerCut> {
  const operations = recording.operations.slice(0, after);
  const durable = durableOperations(operations);
  const loose = operations.flatMap((operation, index) => ('at' in operation && !durable.has(index) ? [index] : []));
  for (const fate of FATES) {
    yield cutWith(
      after,
      random,
      () => false,
      () => fate,
    );
    yield cutWith(
      after,
      random,
      () => true,
      () => fate,
    );
  }
  for (const name of loose) {
    const fate = pick(FATES, random);
    yield cutWith(
      after,
      random,
      (index) => index === name,
      () => fate,
    );
    yield cutWith(
      after,
      random,
      (index) => index !== name,
      () => fate,
    );
  }
}

/** Choices are made once: a cut is the same tree whenever it is looked at. */
function cutWith(
  after: number,
  random: Random,
  drops: (index: number) => boolean,
  fate: (node: NodeId) => Fate,
): PowerCut {
  const dropped = new Map<number, boolean>();
  const fates = new Map<NodeId, Fate>();
  return {
    after,
    random,
    drops: (index) => remembered(dropped, index, drops),
    fate: (node) => remembered(fates, node, fate),
  };
}

function remembered<K, V>(known: Map<K, V>, key: K, decide: (key: K) => V): V {
  const value = known.get(key) ?? decide(key);
  known.set(key, value);
  return value;
}

function pick<T>(from: readonly [T, ...T[]] | readonly T[], random: Random): T {
  const one = from[between(random, 0, from.length - 1)];
  if (one === undefined) throw new Error('nothing to pick from');
  return one;
}
