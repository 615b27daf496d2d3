import { isDeepStrictEqual } from 'node:util';
import { type HeldLock, takeLock } from '../disk/lock.ts';
import { isFull } from '../disk/record.ts';
import { type Failure, messageOf } from '../failure.ts';
import type { PrepareContext } from './context.ts';

const TRY_AGAIN_MILLISECONDS = 2000;

/**
 * Step 1: takes the volume's lock, and waits while another process has it: ReadWriteOnce lets two pods of one node in.
 * @returns null when the signal aborted
 */
export async function takeVolumeLock(context: PrepareContext): Promise<HeldLock | null> {
  const { clock, signal, report, log } = context;
  let last: Failure | undefined;
  while (!signal.aborted) {
    const attempt = await tryLock(context);
    if ('descriptor' in attempt) return attempt;
    if (!isDeepStrictEqual(attempt, last)) log.warn(attempt, 'The volume is not to be had');
    last = attempt;
    report.update({ phase: 'DiskFailed', reason: attempt.reason, message: attempt.message });
    await clock.sleep(TRY_AGAIN_MILLISECONDS, signal);
  }
  return null;
}

async function tryLock({ environment, clock, files, volume }: PrepareContext): Promise<HeldLock | Failure> {
  try {
    await files.makeFolder(volume.folder);
    const name = `pod ${environment.podNamespace}/${environment.podName} (${environment.podUid})`;
    const attempt = await takeLock(volume.lock, { name, since: new Date(clock.now()).toISOString() });
    if (attempt.kind === 'Held') return attempt.lock;
    if (attempt.kind === 'Unsupported') return attempt.failure;
    const holder =
      attempt.holder === undefined ? 'Another process' : `${attempt.holder.name}, since ${attempt.holder.since},`;
    return {
      reason: 'VolumeInUse',
      message: `${holder} uses this volume. Two machines must not write to one disk: this one waits until the other has ended.`,
    };
  } catch (error) {
    return volumeFailure(error);
  }
}

/** An unexpected error of the file system, for people. */
export function volumeFailure(error: unknown): Failure {
  if (isFull(error)) return { reason: 'NoSpace', message: 'The volume is full. Make it larger (storage.size).' };
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    return {
      reason: 'VolumeNotWritable',
      message: `The volume can't be written to (${messageOf(error)}). It must be mounted read-write and belong to group 10001 (fsGroup).`,
    };
  }
  return { reason: 'VolumeFailed', message: `The volume can't be worked with: ${messageOf(error)}.` };
}
