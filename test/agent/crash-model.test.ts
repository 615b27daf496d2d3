import { describe, expect, test } from 'vitest';
import { takeCall } from '../../chaos/power/handlers.ts';
import type { Operation, Recording } from '../../chaos/power/operation.ts';
import { Recorder } from '../../chaos/power/recorder.ts';
import { everything, type PowerCut, surviving } from '../../chaos/power/survival.ts';
import { inHexadecimal, parseCalls } from '../../chaos/power/system-call.ts';
import { seeded } from '../../chaos/random.ts';

const file = { folder: 0, name: 'a' };
const moved = { folder: 0, name: 'b' };
const written = Buffer.alloc(3 * 4096, 'x');
const make: Operation = { kind: 'Make', at: file, node: 1, type: 'File' };
const write: Operation = { kind: 'Write', node: 1, offset: 0, bytes: written };
const move: Operation = { kind: 'Move', from: file, at: moved, node: 1 };

function recordingOf(...operations: Operation[]): Recording {
  return { root: 0, initial: [], operations, identities: new Map() };
}

function sync(node: number, covers: number): Operation {
  return { kind: 'Sync', node, covers, name: `${node}` };
}

/** What is left by path, as text. */
function left(recording: Recording, change: Partial<PowerCut>): Record<string, string> {
  const cut = { ...everything(recording), drops: () => true, fate: () => 'Dropped' as const, ...change };
  const { names, contents } = surviving(recording, cut);
  return Object.fromEntries([...names.walk()].map(({ path, node }) => [path, String(contents.get(node))]));
}

describe('a power cut', () => {
  test('may take what was not synced, content and names each by itself', () => {
    const recording = recordingOf(make, write);
    expect(left(recording, {})).toEqual({});
    expect(left(recording, { drops: () => false })).toEqual({ a: '' });
    expect(left(recording, { drops: () => false, fate: () => 'Kept' })).toEqual({ a: String(written) });
    expect(left(recording, { drops: () => false, fate: () => 'Zeros' })).toEqual({ a: '\0'.repeat(3 * 4096) });
  });

  test('leaves what was synced: a file its content, a folder its names', () => {
    expect(left(recordingOf(make, write, sync(1, 2)), { drops: () => false })).toEqual({ a: String(written) });
    expect(left(recordingOf(make, write, sync(0, 2)), {})).toEqual({ a: '' });
    expect(left(recordingOf(make, write, sync(1, 2), sync(0, 2)), {})).toEqual({ a: String(written) });
  });

  test('takes what was done while a sync ran', () => {
    expect(left(recordingOf(make, write, sync(1, 1)), { drops: () => false })).toEqual({ a: '' });
  });

  test('tears a write in pages', () => {
    const torn = left(recordingOf(make, write), { drops: () => false, fate: () => 'Torn', random: seeded(3) });
    expect(torn['a']).toMatch(/^[x\0]+$/);
    expect(torn['a']).not.toBe(String(written));
  });

  test('cuts a file behind what was synced, never in it', () => {
    const again: Operation = { kind: 'Write', node: 1, offset: 2 * 4096, bytes: Buffer.alloc(2 * 4096, 'y') };
    const cut = { drops: () => false, fate: () => 'Cut' as const, random: () => 0 };
    const synced = left(recordingOf(make, write, sync(1, 2), again), cut);
    expect(synced['a']).toBe('x'.repeat(2 * 4096) + 'y'.repeat(4096));
    expect(left(recordingOf(make, write, again), cut)).toEqual({ a: '' });
  });

  test('leaves a renamed file one of its names, and never a later name without an earlier', () => {
    expect(left(recordingOf(make, sync(0, 1), move), {})).toEqual({ a: '' });
    expect(left(recordingOf(make, move, sync(0, 2)), {})).toEqual({ b: '' });
    expect(left(recordingOf(make, move), { drops: (index) => index === 0 })).toEqual({});
  });

  test('with a sync left out takes what that sync alone had made durable', () => {
    const recording = recordingOf(make, write, sync(1, 2), sync(0, 2));
    expect(left(recording, { without: 2 })).toEqual({ a: '' });
    expect(left(recording, { without: 3 })).toEqual({});
  });
});

describe('a recording', () => {
  const hex = (text: string) => `"${inHexadecimal(text)}"`;
  const trace = [
    `7 openat(AT_FDCWD<${inHexadecimal('/')}>, ${hex('/v/a')}, O_WRONLY|O_CREAT, 0640) = 3<${inHexadecimal('/v/a')}>`,
    `8 fsync(3<${inHexadecimal('/v/a')}> <unfinished ...>`,
    `7 write(3<${inHexadecimal('/v/a')}>, ${hex('hello')}, 5) = 5`,
    '8 <... fsync resumed>) = 0',
    `7 mkdir(${hex('/marks/done')}, 0777) = 0`,
    `7 rename(${hex('/v/a')}, ${hex('/v/b')}) = -1 EACCES (Permission denied)`,
  ];

  test('tells what each call did, and what a sync that began before it does not cover', () => {
    const recorder = new Recorder('/v', '/marks', []);
    for (const call of parseCalls(trace, [inHexadecimal('/v'), inHexadecimal('/marks')])) takeCall(recorder, call);
    expect(recorder.recording.operations).toEqual([
      { kind: 'Make', at: { folder: 0, name: 'a' }, node: 1, type: 'File' },
      { kind: 'Write', node: 1, offset: 0, bytes: Buffer.from('hello') },
      { kind: 'Sync', node: 1, covers: 1, name: 'a #1' },
      { kind: 'Mark', name: 'done' },
    ]);
  });

  test('is refused when a call changes the volume in a way that is not known', () => {
    const recorder = new Recorder('/v', '/marks', []);
    const [call] = parseCalls([`7 symlink(${hex('/x')}, ${hex('/v/s')}) = 0`], [inHexadecimal('/v')]);
    expect(() => call !== undefined && takeCall(recorder, call)).toThrow('symlink');
  });
});
