import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { type Failure, messageOf } from '../failure.ts';

/** Who holds a lock, written into the lock's file for whoever is refused. */
const holderSchema = z.object({ name: z.string(), since: z.string() });
export type LockHolder = z.infer<typeof holderSchema>;

export interface HeldLock {
  /** The open file that the lock hangs on. A child that inherits it keeps the lock for as long as it lives. */
  readonly descriptor: number;
  release(): Promise<void>;
}

export type LockAttempt =
  | { readonly kind: 'Held'; readonly lock: HeldLock }
  /** `holder` is absent when it hasn't written its name yet. */
  | { readonly kind: 'Busy'; readonly holder?: LockHolder }
  | { readonly kind: 'Unsupported'; readonly failure: Failure };

type Flock = 'Taken' | 'Refused' | { readonly error: string };

/**
 * Takes an exclusive lock without waiting. Node has no flock(2), so util-linux's `flock` takes it on a descriptor that
 * it inherits; the lock belongs to the open file and stays when that process ends, until ours is closed or we die.
 * A file system on which a second taker isn't refused has no locks that protect anything, and is refused itself.
 * @param program util-linux's flock
 */
export async function takeLock(path: string, holder: LockHolder, program = 'flock'): Promise<LockAttempt> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o660);
  let held = false;
  try {
    const attempt = await lockFile(file, path, program);
    held = attempt.kind === 'Held';
    if (held) await writeName(file, holder);
    return attempt;
  } finally {
    // A file that is left open keeps the lock from everybody, ourselves included.
    if (!held) await file.close();
  }
}

async function lockFile(file: FileHandle, path: string, program: string): Promise<LockAttempt> {
  const taken = await flock(program, file);
  if (taken === 'Taken') {
    const proven = await provenExclusive(program, path);
    if (proven !== true) return unsupported(path, proven);
    return { kind: 'Held', lock: { descriptor: file.fd, release: () => file.close() } };
  }
  if (taken !== 'Refused') return unsupported(path, taken.error);
  const parsed = holderSchema.safeParse(parseJson(await file.readFile('utf8')));
  return parsed.success ? { kind: 'Busy', holder: parsed.data } : { kind: 'Busy' };
}

async function writeName(file: FileHandle, holder: LockHolder): Promise<void> {
  try {
    await file.truncate(0);
    await file.write(`${JSON.stringify(holder)}\n`, 0);
  } catch {
    // A full volume: the name is for people who are refused, the lock holds without it.
  }
}

/** True when a second open file of the same path can't take the lock, else what happened instead. */
async function provenExclusive(program: string, path: string): Promise<true | string> {
  const second = await open(path, constants.O_RDWR);
  try {
    const taken = await flock(program, second);
    if (taken === 'Refused') return true;
    return taken === 'Taken' ? 'two processes got the same lock' : taken.error;
  } finally {
    await second.close();
  }
}

/** Plain `spawn`: execa takes no descriptor of ours for the child. */
async function flock(program: string, file: FileHandle): Promise<Flock> {
  const child = spawn(program, ['--exclusive', '--nonblock', '0'], { stdio: [file.fd, 'ignore', 'pipe'] });
  try {
    const [said, [exitCode]] = await Promise.all([
      child.stderr === null ? '' : text(child.stderr),
      once(child, 'close'),
    ]);
    if (exitCode === 0) return 'Taken';
    // util-linux: 1 is "somebody else has it" with --nonblock; system errors have codes of 64 and above.
    if (exitCode === 1) return 'Refused';
    return { error: `flock ended with ${exitCode}: ${said.trim()}` };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

function unsupported(path: string, why: string): LockAttempt {
  return {
    kind: 'Unsupported',
    failure: {
      reason: 'VolumeWithoutLocks',
      message: `The file system of ${path} has no working locks (${why}), so two machines could write to one disk. Use a storage class with a block device or another file system that has flock.`,
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
