import path from 'node:path';
import { NameSpace } from './name-space.ts';
import type { Entry, Identity, InitialNode, NodeId, Operation, Recording } from './operation.ts';

/**
 * Notes operations on a volume as paths tell them. Follows the names as they change, so that each file keeps its
 * number whatever it is called.
 */
export class Recorder {
  readonly #volume: string;
  /** A process makes a folder in here to say that something holds from now on. */
  readonly #marks: string;
  readonly #initial: readonly InitialNode[];
  readonly #names: NameSpace;
  readonly #operations: Operation[] = [];
  readonly #identities = new Map<NodeId, Identity[]>();
  readonly #sizes = new Map<NodeId, number>();
  /** Where the next `write` goes, by file: nobody writes one file through two descriptors in turn. */
  readonly #positions = new Map<NodeId, number>();
  readonly #lines: number[] = [];
  #line = 0;
  readonly #syncs = new Map<string, number>();
  #next = 1;

  constructor(volume: string, marks: string, initial: readonly InitialNode[]) {
    this.#volume = volume;
    this.#marks = marks;
    this.#initial = initial;
    this.#names = new NameSpace(0);
    for (const { node, path: name, type, content } of initial) {
      const entry = this.#names.entry(name);
      if (entry === undefined) throw new Error(`no folder for ${name}`);
      if (type === 'Folder') this.#names.addFolder(node);
      this.#names.set(entry, node);
      this.#sizes.set(node, content.length);
      this.#next = Math.max(this.#next, node + 1);
    }
  }

  get recording(): Recording {
    const { root } = this.#names;
    return { root, initial: this.#initial, operations: this.#operations, identities: this.#identities };
  }

  /** What comes next ended at this line of the trace. */
  at(line: number): void {
    this.#line = line;
  }

  /** The path below the volume, or undefined for a path elsewhere. */
  below(name: string): string | undefined {
    const relative = path.relative(this.#volume, name);
    return name === '' || relative.startsWith('..') ? undefined : relative;
  }

  node(name: string): NodeId | undefined {
    const relative = this.below(name);
    return relative === undefined ? undefined : this.#names.find(relative);
  }

  make(name: string, type: 'File' | 'Folder'): void {
    if (path.dirname(name) === this.#marks) this.#push({ kind: 'Mark', name: path.basename(name) });
    const at = this.#entry(name);
    if (at === undefined || this.#names.at(at) !== undefined) return;
    const node = this.#next;
    this.#next += 1;
    if (type === 'Folder') this.#names.addFolder(node);
    this.#names.set(at, node);
    this.#sizes.set(node, 0);
    this.#push({ kind: 'Make', at, node, type });
  }

  link(from: string, to: string): void {
    const [node, at] = [this.node(from), this.#entry(to)];
    if (node === undefined && at === undefined) return;
    if (node === undefined || at === undefined) throw new Error(`${from} is linked across volumes`);
    this.#names.set(at, node);
    this.#push({ kind: 'Make', at, node, type: 'File' });
  }

  remove(name: string): void {
    const at = this.#entry(name);
    if (at === undefined) return;
    this.#names.delete(at);
    this.#push({ kind: 'Remove', at });
  }

  move(from: string, to: string): void {
    const [source, at] = [this.#entry(from), this.#entry(to)];
    if (source === undefined && at === undefined) return;
    const node = source === undefined ? undefined : this.#names.at(source);
    if (source === undefined || at === undefined || node === undefined) throw new Error(`${from} moves across volumes`);
    this.#names.delete(source);
    this.#names.set(at, node);
    this.#push({ kind: 'Move', from: source, at, node });
  }

  /** @param offset where the descriptor stands, unless given */
  write(name: string, bytes: Buffer, offset?: number): void {
    const node = this.node(name);
    if (node === undefined) return;
    const at = offset ?? this.#positions.get(node) ?? 0;
    if (offset === undefined) this.#positions.set(node, at + bytes.length);
    this.#sizes.set(node, Math.max(this.#sizes.get(node) ?? 0, at + bytes.length));
    this.#push({ kind: 'Write', node, offset: at, bytes });
  }

  seek(name: string, position: number): void {
    const node = this.node(name);
    if (node !== undefined) this.#positions.set(node, position);
  }

  /** @param atLeast only enlarges it */
  resize(name: string, sizeBytes: number, atLeast = false): void {
    const node = this.node(name);
    if (node === undefined) return;
    const size = this.#sizes.get(node) ?? 0;
    if (size === sizeBytes || (atLeast && size > sizeBytes)) return;
    this.#sizes.set(node, sizeBytes);
    this.#push({ kind: 'Resize', node, sizeBytes });
  }

  sync(name: string, begun: number): void {
    const node = this.node(name);
    if (node !== undefined) this.#sync(node, begun, classOf(this.below(name) ?? ''), name);
  }

  syncAll(begun: number): void {
    this.#sync(undefined, begun, 'everything', '');
  }

  identify(name: string, identity: Omit<Identity, 'after'>): void {
    const node = this.node(name);
    if (node === undefined) return;
    const told = this.#identities.get(node) ?? [];
    this.#identities.set(node, [...told, { ...identity, after: this.#operations.length }]);
  }

  #sync(node: NodeId | undefined, begun: number, what: string, name: string): void {
    const time = (this.#syncs.get(name) ?? 0) + 1;
    this.#syncs.set(name, time);
    const later = this.#lines.findIndex((line) => line >= begun);
    const covers = later === -1 ? this.#operations.length : later;
    this.#push({ kind: 'Sync', node, covers, name: `${what} #${time}` });
  }

  #push(operation: Operation): void {
    this.#operations.push(operation);
    this.#lines.push(this.#line);
  }

  #entry(name: string): Entry | undefined {
    const relative = this.below(name);
    return relative === undefined ? undefined : this.#names.entry(relative);
  }
}

/** A path without what differs from run to run: digests, ids, times. */
function classOf(relative: string): string {
  const class_ = relative
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '*')
    .replaceAll(/[0-9a-f]{64}/g, '*')
    .replaceAll(/\d{4}-\d\d-\d\dT[0-9-]+(\.\d+)?Z([.-][0-9a-f]{8})?/g, '*');
  return class_ === '' ? 'the volume' : class_;
}
