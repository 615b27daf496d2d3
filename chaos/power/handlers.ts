import path from 'node:path';
import type { Recorder } from './recorder.ts';
import { descriptorsOf, numbersOf, type SystemCall, stringsOf } from './system-call.ts';

type Handler = (recorder: Recorder, call: SystemCall) => void;

const HANDLERS: Readonly<Record<string, Handler>> = {
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

/** The calls that strace is told to look at. */
export const RECORDED_CALLS = Object.keys(HANDLERS);

/** Notes what a call did. One that changes the volume in a way that isn't known here is an error. */
export function takeCall(recorder: Recorder, call: SystemCall): void {
  const handler = HANDLERS[call.name];
  if (handler === undefined) throw new Error(`the call ${call.name} is not known to the model of a power cut`);
  recorder.at(call.ended);
  handler(recorder, call);
}

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
