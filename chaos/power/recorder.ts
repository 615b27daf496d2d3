import path from 'node:path';
import { NameSpace } from './name-space.ts';
import type { Entry, Identity, InitialNode, NodeId, Operation, Recording } from './operation.ts';
import { descriptorsOf, numbersOf, type SystemCall, stringsOf } from './system-call.ts';

/**
 * Turns system calls into operations on the volume. Follows the names as they change, so that each file keeps its
 * number whatever it is called. A call that would change the volume in a way that isn't known here is an error.
 */
export class Recorder {
  readonly #volume: string;
  /** A process makes a folder in here to say that something holds from now on. */
  readonly #marks: string;
  readonly #initial: readonly InitialNode[];
  readonly #names: NameSpace;
  readonly #operations: Operation[] = [];
  readonly #identities = new Map<NodeId, Identity>();
  readonly #sizes = new Map<NodeId, number>();
  /** Where the next `write` goes, by file: nobody writes one file through two descriptors in turn. */
  readonly #positions = new Map<NodeId, number>();
  readonly #lines: number[] = [];
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

  take(call: SystemCall): void {
    const handler = HANDLERS[call.name];
    if (handler === undefined) throw new Error(`the call ${call.name} is not known to the model of a power cut`);
    const before = this.#operations.length;
    handler(this, call);
    for (let index = before; index < this.#operations.length; index += 1) this.#lines.push(call.ended);
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
    if (path.dirname(name) === this.#marks) this.#operations.push({ kind: 'Mark', name: path.basename(name) });
    const at = this.#entry(name);
    if (at === undefined || this.#names.at(at) !== undefined) return;
    const node = this.#next;
    this.#next += 1;
    if (type === 'Folder') this.#names.addFolder(node);
    this.#names.set(at, node);
    this.#sizes.set(node, 0);
    this.#operations.push({ kind: 'Make', at, node, type });
  }

  link(from: string, to: string): void {
    const [node, at] = [this.node(from), this.#entry(to)];
    if (node === undefined && at === undefined) return;
    if (node === undefined || at === undefined) throw new Error(`${from} is linked across volumes`);
    this.#names.set(at, node);
    this.#operations.push({ kind: 'Make', at, node, type: 'File' });
  }

  remove(name: string): void {
    const at = this.#entry(name);
    if (at === undefined) return;
    this.#names.delete(at);
    this.#operations.push({ kind: 'Remove', at });
  }

  move(from: string, to: string): void {
    const [source, at] = [this.#entry(from), this.#entry(to)];
    if (source === undefined && at === undefined) return;
    const node = source === undefined ? undefined : this.#names.at(source);
    if (source === undefined || at === undefined || node === undefined) throw new Error(`${from} moves across volumes`);
    this.#names.delete(source);
    this.#names.set(at, node);
    this.#operations.push({ kind: 'Move', from: source, at, node });
  }

  /** @param offset where the descriptor stands, unless given */
  write(name: string, bytes: Buffer, offset?: number): void {
    const node = this.node(name);
    if (node === undefined) return;
    const at = offset ?? this.#positions.get(node) ?? 0;
    if (offset === undefined) this.#positions.set(node, at + bytes.length);
    this.#sizes.set(node, Math.max(this.#sizes.get(node) ?? 0, at + bytes.length));
    this.#operations.push({ kind: 'Write', node, offset: at, bytes });
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
    this.#operations.push({ kind: 'Resize', node, sizeBytes });
  }

  sync(name: string, begun: number): void {
    const node = this.node(name);
    if (node !== undefined) this.#sync(node, begun, classOf(this.below(name) ?? ''), name);
  }

  syncAll(begun: number): void {
    this.#sync(undefined, begun, 'everything', '');
  }

  identify(name: string, identity: Identity): void {
    const node = this.node(name);
    if (node !== undefined) this.#identities.set(node, identity);
  }

  #sync(node: NodeId | undefined, begun: number, what: string, name: string): void {
    const time = (this.#syncs.get(name) ?? 0) + 1;
    this.#syncs.set(name, time);
    const later = this.#lines.findIndex((line) => line >= begun);
    const covers = later === -1 ? this.#operations.length : later;
    this.#operations.push({ kind: 'Sync', node, covers, name: `${what} #${time}` });
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

type Handler = (recorder: Recorder, call: SystemCall) => void;

/** The calls to record; the keys are what strace is told to look at. */
export const HANDLERS: Readonly<Record<string, Handler>> = {
  openat: opened,
  open: opened,
  mkdir: (recorder, call) => recorder.make(pathsOf(call)[0] ?? '', 'Folder'),
  mkdirat: (recorder, call) => recorder.make(pathsOf(call)[0] ?? '', 'Folder'),
  unlink: (recorder, call) => recorder.remove(pathsOf(call)[0] ?? ''),
  unlinkat: (recorder, call) => recorder.remove(pathsOf(call)[0] ?? ''),
  rmdir: (recorder, call) => recorder.remove(pathsOf(call)[0] ?? ''),
  link: linked,
  linkat: linked,
  rename: moved,
  renameat: moved,
  renameat2: moved,
  write: (recorder, call) => recorder.write(fileOf(call), writtenOf(call)),
  writev: (recorder, call) => recorder.write(fileOf(call), writtenOf(call)),
  pwrite64: (recorder, call) => recorder.write(fileOf(call), writtenOf(call), numbersOf(call).at(-1)),
  pwritev: (recorder, call) => recorder.write(fileOf(call), writtenOf(call), numbersOf(call).at(-1)),
  lseek: (recorder, call) => recorder.seek(fileOf(call), Number(call.result)),
  ftruncate: (recorder, call) => recorder.resize(fileOf(call), numbersOf(call).at(-1) ?? 0),
  truncate: (recorder, call) => recorder.resize(pathsOf(call)[0] ?? '', numbersOf(call).at(-1) ?? 0),
  fallocate: allocated,
  fsync: (recorder, call) => recorder.sync(fileOf(call), call.begun),
  fdatasync: (recorder, call) => recorder.sync(fileOf(call), call.begun),
  syncfs: (recorder, call) => recorder.syncAll(call.begun),
  // Starts writing back, and promises nothing.
  sync_file_range: () => undefined,
  statx: identified,
  // Known, and refused when they touch the volume: their bytes don't stand in the trace.
  symlink: refused,
  symlinkat: refused,
  copy_file_range: refused,
  sendfile: refused,
  splice: refused,
};

function opened(recorder: Recorder, call: SystemCall): void {
  const [name = ''] = pathsOf(call);
  if (recorder.below(name) === undefined || !/O_WRONLY|O_RDWR/.test(call.arguments)) return;
  if (call.arguments.includes('O_CREAT')) recorder.make(name, 'File');
  if (call.arguments.includes('O_TRUNC')) recorder.resize(name, 0);
  if (call.arguments.includes('O_APPEND')) throw new Error('appending is not known to the model of a power cut');
  recorder.seek(name, 0);
}

function moved(recorder: Recorder, call: SystemCall): void {
  const [from = '', to = ''] = pathsOf(call);
  recorder.move(from, to);
}

function linked(recorder: Recorder, call: SystemCall): void {
  const [from = '', to = ''] = pathsOf(call);
  recorder.link(from, to);
}

function allocated(recorder: Recorder, call: SystemCall): void {
  const [offset = 0, length = 0] = numbersOf(call).slice(-2);
  if (/PUNCH_HOLE|ZERO_RANGE/.test(call.arguments)) recorder.write(fileOf(call), Buffer.alloc(length), offset);
  else if (!call.arguments.includes('KEEP_SIZE')) recorder.resize(fileOf(call), offset + length, true);
}

function identified(recorder: Recorder, call: SystemCall): void {
  const [name = ''] = pathsOf(call);
  const inode = /stx_ino=(\d+)/.exec(call.arguments)?.[1];
  if (inode === undefined) return;
  const [birthTime, modifiedTime] = [timeOf(call, 'btime'), timeOf(call, 'mtime')];
  recorder.identify(name, {
    inode: BigInt(inode),
    ...(birthTime === undefined ? {} : { birthTime }),
    ...(modifiedTime === undefined ? {} : { modifiedTime }),
  });
}

function timeOf(call: SystemCall, what: string): string | undefined {
  const [, seconds, nanoseconds] =
    new RegExp(`stx_${what}=\\{tv_sec=(\\d+), tv_nsec=(\\d+)`).exec(call.arguments) ?? [];
  if (seconds === undefined || nanoseconds === undefined) return undefined;
  return `${BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds)}`;
}

function refused(recorder: Recorder, call: SystemCall): void {
  const touched = [...descriptorsOf(call.arguments), ...stringsOf(call).map(String)];
  if (touched.some((name) => recorder.below(name) !== undefined)) {
    throw new Error(`the call ${call.name} on the volume is not known to the model of a power cut`);
  }
}

function fileOf(call: SystemCall): string {
  return descriptorsOf(call.arguments)[0] ?? '';
}

/** Strings as absolute paths; an empty one is the descriptor itself. */
function pathsOf(call: SystemCall): string[] {
  const folders = descriptorsOf(call.arguments);
  return stringsOf(call).map((text, index) => path.resolve(folders[index] ?? '/', text.toString()));
}

/** The bytes that a call wrote, which may be fewer than it was given. */
function writtenOf(call: SystemCall): Buffer {
  return Buffer.concat(stringsOf(call)).subarray(0, Number(call.result));
}
