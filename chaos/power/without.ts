import type { Recording, Sync } from './operation.ts';
import { coveredBy, durableOperations, type Fate, type PowerCut } from './survival.ts';

/** A sync of a recording, by its place. */
export interface PlacedSync {
  readonly index: number;
  readonly name: string;
}

export function syncsOf({ operations }: Recording): PlacedSync[] {
  return operations.flatMap((operation, index) => (operation.kind === 'Sync' ? [{ index, name: operation.name }] : []));
}

/**
 * The power cuts that show most of what a sync is for, as if it had never been done: all that it alone makes durable is
 * dropped while all else is kept, and the other way round, at every moment until another sync covers it too.
 */
export function* cutsWithout(recording: Recording, sync: PlacedSync, random: () => number): Generator<PowerCut> {
  const { operations } = recording;
  const covered = coveredBy(operations[sync.index] as Sync, operations);
  for (let after = sync.index + 1; after <= operations.length; after += 1) {
    const durable = durableOperations(operations.slice(0, after), sync.index);
    const loose = new Set(covered.filter((index) => !durable.has(index)));
    if (loose.size === 0) return;
    const base = { after, random, without: sync.index };
    const nodes = new Set([...loose].map((index) => nodeOf(recording, index)));
    for (const fate of ['Dropped', 'Zeros', 'Torn'] satisfies Fate[]) {
      yield { ...base, drops: (index) => loose.has(index), fate: (node) => (nodes.has(node) ? fate : 'Kept') };
    }
    for (const one of loose) {
      yield { ...base, drops: (index) => index === one, fate: () => 'Kept' };
    }
    yield { ...base, drops: () => true, fate: () => 'Dropped' };
  }
}

function nodeOf({ operations }: Recording, index: number): number | undefined {
  const operation = operations[index];
  return operation?.kind === 'Write' || operation?.kind === 'Resize' ? operation.node : undefined;
}

/** Where something first happens to a name. */
export function operationAt({ operations }: Recording, kind: 'Make' | 'Remove', name: string): number {
  const found = operations.findIndex((operation) => operation.kind === kind && operation.at.name === name);
  if (found === -1) throw new Error(`nothing is recorded of ${name}`);
  return found;
}

/** The recording of a program that does one thing earlier than it did. */
export function withEarlier(recording: Recording, index: number, before: number): Recording {
  const operations = recording.operations.map((operation) =>
    operation.kind === 'Sync' && operation.covers > before && operation.covers <= index
      ? { ...operation, covers: operation.covers + 1 }
      : operation,
  );
  const [moved] = operations.splice(index, 1);
  if (moved === undefined) throw new Error(`the recording has no operation ${index}`);
  operations.splice(before, 0, moved);
  return { ...recording, operations };
}
