import { stat } from 'node:fs/promises';
import { inboxFile } from '../import/inbox.ts';
import type { PrepareContext } from './context.ts';

const LOOK_MILLISECONDS = 500;
const LONGEST_MILLISECONDS = 30_000;
const FIRST_MILLISECONDS = 1000;

/** Exponential, at most 30 s, with jitter so that a hundred machines don't ask a registry at once. */
export function backoffMilliseconds(failures: number, random: () => number): number {
  const whole = Math.min(LONGEST_MILLISECONDS, FIRST_MILLISECONDS * 2 ** Math.min(failures, 10));
  return whole / 2 + (whole / 2) * random();
}

/**
 * Waits, at most `milliseconds`, and ends at once when something that the last attempt depended on is different: the
 * plan, a mounted secret or CA, the disk, or an import that was handed in.
 * @returns whether something changed
 */
export async function waitForChange(
  context: PrepareContext,
  milliseconds: number,
  before: string,
  onLook: () => Promise<void>,
): Promise<boolean> {
  const { clock, signal } = context;
  const end = clock.now() + milliseconds;
  while (!signal.aborted && clock.now() < end) {
    await clock.sleep(Math.min(LOOK_MILLISECONDS, end - clock.now()), signal);
    await onLook();
    if ((await inputsOf(context)) !== before) return true;
  }
  return false;
}

/** A text that is different when any input of an attempt is. Kubelet swaps a symlink, so the targets' inodes tell. */
export async function inputsOf({ paths, volume }: PrepareContext): Promise<string> {
  const inputs = [paths.plan, paths.registryConfig, paths.registryCA, volume.disk, inboxFile(volume)];
  return (await Promise.all(inputs.map(stampOf))).join(' ');
}

async function stampOf(name: string): Promise<string> {
  try {
    const { ino, mtimeMs, size } = await stat(name);
    return `${ino}:${mtimeMs}:${size}`;
  } catch {
    // Not there, or not readable: the attempt itself says which and why.
    return '-';
  }
}
