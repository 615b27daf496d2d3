import { statfs } from 'node:fs/promises';

export interface Space {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** What an unprivileged process may still write to the file system of `path`. */
export async function spaceOf(path: string): Promise<Space> {
  const { bavail, blocks, bsize } = await statfs(path);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** Bytes for people, rounded up. */
export function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 1024 ** 2);
}
