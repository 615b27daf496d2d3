import { statfs } from 'node:fs/promises';
import { failed, type Result, success } from '../failure.ts';

export interface Space {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** What an unprivileged process may still write to the file system of `path`. */
export async function spaceOf(path: string): Promise<Space> {
  const { bavail, blocks, bsize } = await statfs(path);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** Room for the file system's own tables, besides a file's data. */
const FILE_SYSTEM_BYTES = 4 * 1024 ** 2;

/**
 * Whether `neededBytes` more fit onto a volume, before anything is written.
 * @returns a failure `NoSpace` with all the numbers
 */
export function checkRoom(space: Space, neededBytes: number, what: string): Result<undefined> {
  const needed = neededBytes + FILE_SYSTEM_BYTES;
  if (needed <= space.freeBytes) return success(undefined);
  return failed(
    'NoSpace',
    `${what} needs ${mebibytes(needed)} MiB on the volume; ${mebibytes(space.freeBytes)} MiB of ${mebibytes(space.totalBytes)} MiB are free. Make the volume larger by ${mebibytes(needed - space.freeBytes)} MiB or more (storage.size).`,
  );
}

/** Bytes for people, rounded up. */
export function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 1024 ** 2);
}
