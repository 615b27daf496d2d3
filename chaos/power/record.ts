import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { ensureDebianPackages } from '../../scripts/debian-packages.ts';
import { RECORDED_CALLS, takeCall } from './handlers.ts';
import type { Identity, InitialNode, Recording } from './operation.ts';
import { Recorder } from './recorder.ts';
import { everything, surviving } from './survival.ts';
import { inHexadecimal, parseCalls, STRACE_FLAGS } from './system-call.ts';

export interface RecordOptions {
  readonly volume: string;
  /** See {@link Recorder}: folders made in here are marks. */
  readonly marks: string;
  readonly command: readonly [string, ...string[]];
}

/** Runs a program, with all that it starts, under strace, and gives what they did to a volume. */
export async function record({ volume, marks, command }: RecordOptions): Promise<Recording> {
  await ensureDebianPackages(['strace']);
  const folder = await mkdtemp(path.join(tmpdir(), 'loco-strace-'));
  try {
    const before = await treeOf(volume);
    const trace = path.join(folder, 'trace');
    const calls = ['-e', `trace=${RECORDED_CALLS.join(',')}`, '-o', trace];
    await execa('strace', [...STRACE_FLAGS, ...calls, ...command], { stdin: 'ignore' });
    const recorder = new Recorder(volume, marks, before.nodes);
    const lines = (await readFile(trace, 'latin1')).split('\n');
    for (const call of parseCalls(lines, [inHexadecimal(volume), inHexadecimal(marks)])) takeCall(recorder, call);
    const { recording } = recorder;
    await proveComplete(volume, recording);
    const identities = new Map(before.identities);
    for (const [node, told] of recording.identities) identities.set(node, [...(identities.get(node) ?? []), ...told]);
    return { ...recording, identities };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Everything below a folder, numbered, parents first. */
async function treeOf(
  root: string,
): Promise<{ readonly nodes: readonly InitialNode[]; readonly identities: ReadonlyMap<number, readonly Identity[]> }> {
  const nodes: InitialNode[] = [];
  const identities = new Map<number, readonly Identity[]>();
  const names = await readdir(root, { recursive: true });
  for (const [index, name] of names.sort().entries()) {
    const file = path.join(root, name);
    const { ino, birthtimeNs, mtimeNs } = await stat(file, { bigint: true });
    const isFolder = (await stat(file)).isDirectory();
    const node = index + 1;
    identities.set(node, [{ after: 0, inode: ino, birthTime: `${birthtimeNs}`, modifiedTime: `${mtimeNs}` }]);
    const content = isFolder ? Buffer.alloc(0) : await readFile(file);
    nodes.push({ node, path: name, type: isFolder ? 'Folder' : 'File', content });
  }
  return { nodes, identities };
}

/** What the calls say must be what is really there in the end: a change that strace didn't show would be missed. */
async function proveComplete(volume: string, recording: Recording): Promise<void> {
  const { names, contents } = surviving(recording, everything(recording));
  const told = new Map([...names.walk()].map(({ path: name, node }) => [name, contents.get(node)]));
  const found = new Map((await treeOf(volume)).nodes.map(({ path: name, type, content }) => [name, { type, content }]));
  for (const [name, { type, content }] of found) {
    const same = type === 'Folder' ? told.has(name) : told.get(name)?.equals(content) === true;
    if (!same) throw new Error(`the recording doesn't tell how ${name} came to be`);
  }
  const missing = [...told.keys()].filter((name) => !found.has(name));
  if (missing.length > 0) throw new Error(`the recording doesn't tell what became of ${missing.join(', ')}`);
}
