import { Content } from './content.ts';
import { NameSpace } from './name-space.ts';
import type { Entry, NodeId, Operation, Recording, Sync } from './operation.ts';

/**
 * What becomes of content that nobody synced: it is there; it isn't; the length is there and zeros; each page of it is
 * there or not; or it ends somewhere.
 */
export type Fate = 'Kept' | 'Dropped' | 'Zeros' | 'Torn' | 'Cut';

/** A power cut, and what the file system makes of all that is not durable. */
export interface PowerCut {
  /** So many operations had ended. */
  readonly after: number;
  /** Names that are dropped, by operation; the durable ones stay, and what needs a dropped one goes with it. */
  readonly drops: (operation: number) => boolean;
  readonly fate: (node: NodeId) => Fate;
  /** For what is torn or cut: from 0 to below 1, always the same for a seed. */
  readonly random: () => number;
  /** A sync that counts as never done, by its operation. */
  readonly without?: number;
}

/** A volume's tree after a power cut. */
export interface Survivors {
  readonly names: NameSpace;
  readonly contents: ReadonlyMap<NodeId, Buffer>;
}

/** The end of a recording, with nothing lost. */
export function everything({ operations }: Recording): PowerCut {
  return { after: operations.length, drops: () => false, fate: () => 'Kept', random: () => 0 };
}

const PAGE_BYTES = 4096;

/** Puts together what is on the volume after a power cut: any tree that POSIX allows, as the cut chooses. */
export function surviving(recording: Recording, cut: PowerCut): Survivors {
  const operations = recording.operations.slice(0, cut.after);
  const durable = durableOperations(operations, cut.without);
  const kept = keptNames(operations, durable, cut.drops);
  const names = new NameSpace(recording.root);
  const contents = new Map<NodeId, Content>();
  for (const { node, path, type, content } of recording.initial) {
    if (type === 'Folder') names.addFolder(node);
    else contents.set(node, new Content(content));
    const entry = names.entry(path);
    if (entry !== undefined) names.set(entry, node);
  }
  for (const [index, operation] of operations.entries()) {
    if (operation.kind === 'Make') {
      if (operation.type === 'Folder') names.addFolder(operation.node);
      else if (!contents.has(operation.node)) contents.set(operation.node, new Content());
    }
    if (kept.has(index)) applyName(names, operation);
  }
  for (const [node, content] of contents) applyContent(node, content, operations, durable, cut);
  return { names, contents: new Map([...contents].map(([node, content]) => [node, content.bytes])) };
}

/** All operations that a sync covers. A folder's sync covers the names in it, a moved one where it came to. */
export function durableOperations(operations: readonly Operation[], without?: number): Set<number> {
  const durable = new Set<number>();
  for (const [index, sync] of operations.entries()) {
    if (sync.kind !== 'Sync' || index === without) continue;
    for (const covered of coveredBy(sync, operations)) durable.add(covered);
  }
  return durable;
}

/** What a sync makes durable. */
export function coveredBy(sync: Sync, operations: readonly Operation[]): number[] {
  return operations.slice(0, sync.covers).flatMap((operation, index) => {
    const node = 'at' in operation ? operation.at.folder : 'node' in operation ? operation.node : undefined;
    return operation.kind !== 'Sync' && (sync.node === undefined || node === sync.node) ? [index] : [];
  });
}

/** Two things happen to one name in the order in which they were done, so a later one never stands without an earlier. */
function keptNames(
  operations: readonly Operation[],
  durable: ReadonlySet<number>,
  drops: (operation: number) => boolean,
): Set<number> {
  const needs = neededNames(operations);
  const firm = new Set<number>();
  for (let index = operations.length - 1; index >= 0; index -= 1) {
    if (!durable.has(index) && !firm.has(index)) continue;
    firm.add(index);
    for (const need of needs.get(index) ?? []) firm.add(need);
  }
  const kept = new Set<number>();
  for (const [index, operation] of operations.entries()) {
    if (!('at' in operation)) continue;
    const stands = (needs.get(index) ?? []).every((need) => kept.has(need));
    if (firm.has(index) || (stands && !drops(index))) kept.add(index);
  }
  return kept;
}

/** For each operation on names those before it on the same names. */
function neededNames(operations: readonly Operation[]): Map<number, readonly number[]> {
  const last = new Map<string, number>();
  const needs = new Map<number, readonly number[]>();
  const key = ({ folder, name }: Entry) => `${folder}/${name}`;
  for (const [index, operation] of operations.entries()) {
    if (!('at' in operation)) continue;
    const entries = operation.kind === 'Move' ? [operation.from, operation.at] : [operation.at];
    needs.set(
      index,
      entries.flatMap((entry) => last.get(key(entry)) ?? []),
    );
    for (const entry of entries) last.set(key(entry), index);
  }
  return needs;
}

function applyName(names: NameSpace, operation: Operation): void {
  if (operation.kind === 'Make') names.set(operation.at, operation.node);
  if (operation.kind === 'Remove') names.delete(operation.at);
  if (operation.kind === 'Move') {
    names.delete(operation.from);
    names.set(operation.at, operation.node);
  }
}

function applyContent(
  node: NodeId,
  content: Content,
  operations: readonly Operation[],
  durable: ReadonlySet<number>,
  cut: PowerCut,
): void {
  const fate = cut.fate(node);
  let unsynced = 0;
  let durableLength = content.length;
  for (const [index, operation] of operations.entries()) {
    if ((operation.kind !== 'Write' && operation.kind !== 'Resize') || operation.node !== node) continue;
    const safe = durable.has(index);
    if (safe) durableLength = lengthAfter(operation, durableLength);
    else unsynced += 1;
    if (safe || fate === 'Kept' || fate === 'Cut') change(content, operation, () => true);
    else if (fate === 'Zeros') change(content, operation, () => false);
    else if (fate === 'Torn') change(content, operation, () => cut.random() < 0.5);
  }
  if (fate !== 'Cut' || unsynced === 0) return;
  // What was synced stays, however much was written behind it since.
  const least = Math.min(durableLength, content.length);
  content.resize(least + Math.floor(cut.random() * (content.length - least)));
}

function lengthAfter(operation: Extract<Operation, { kind: 'Write' | 'Resize' }>, length: number): number {
  return operation.kind === 'Resize'
    ? operation.sizeBytes
    : Math.max(length, operation.offset + operation.bytes.length);
}

function change(
  content: Content,
  operation: Extract<Operation, { kind: 'Write' | 'Resize' }>,
  pageStays: () => boolean,
): void {
  if (operation.kind === 'Resize') {
    content.resize(operation.sizeBytes);
    return;
  }
  const { offset, bytes } = operation;
  content.resize(Math.max(content.length, offset + bytes.length));
  for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
    if (pageStays()) content.write(offset + at, bytes.subarray(at, at + PAGE_BYTES));
  }
}
