import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import path from 'node:path';

const FILL_BYTES = 1024 ** 2;

export interface FileFacts {
  /** See {@link inodeNumber}. */
  readonly inode: number;
  /** Nanoseconds since 1970, in decimal; absent where the file system doesn't keep it. */
  readonly birthTime?: string;
  /** Nanoseconds since 1970, in decimal. */
  readonly modifiedTime: string;
  readonly sizeBytes: number;
}

/**
 * Everything that the preparation does to names on the volume, one file-system step each. One seam, so that a test can
 * stop the world before and after any of them, or leave out a sync.
 */
export interface VolumeFiles {
  makeFolder(path: string): Promise<void>;
  /** Undefined when nothing is there. */
  facts(path: string): Promise<FileFacts | undefined>;
  /** Undefined when nothing is there. */
  readText(path: string): Promise<string | undefined>;
  list(folder: string): Promise<readonly string[]>;
  /** Not durable before {@link VolumeFiles.syncFile}. */
  writeText(path: string, text: string): Promise<void>;
  /**
   * Makes a file `toBytes` long with bytes that don't compress, so that they take room on any file system; the first
   * `fromBytes` are there already. Not durable.
   */
  fill(path: string, fromBytes: number, toBytes: number): Promise<void>;
  /** Makes a file longer, with a hole that reads as zeros. Not durable. */
  lengthen(path: string, toBytes: number): Promise<void>;
  /** Gives a file a second name. Fails with EEXIST when there is something of that name. */
  link(from: string, to: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a folder with all that is in it; nothing there is fine. */
  remove(path: string): Promise<void>;
  syncFile(path: string): Promise<void>;
  /** Makes names in the folder durable. */
  syncFolder(path: string): Promise<void>;
}

export const volumeFiles: VolumeFiles = {
  makeFolder: (folder) => makeFolder(folder),
  facts: (name) =>
    orUndefined(async () => {
      const { ino, size, mtimeNs, birthtimeNs, ctimeNs } = await stat(name, { bigint: true });
      return {
        inode: inodeNumber(ino),
        ...birthTimeOf(birthtimeNs, ctimeNs),
        modifiedTime: `${mtimeNs}`,
        sizeBytes: Number(size),
      };
    }),
  readText: (name) => orUndefined(() => readFile(name, 'utf8')),
  list: async (folder) => (await orUndefined(() => readdir(folder))) ?? [],
  writeText: async (name, text) => {
    const file = await open(name, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o640);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
  },
  fill: async (name, fromBytes, toBytes) => {
    const file = await open(name, constants.O_WRONLY | constants.O_CREAT, 0o640);
    try {
      // The same again and again: no file system compresses over a whole MiB.
      const piece = randomBytes(FILL_BYTES);
      for (let at = fromBytes; at < toBytes; ) {
        at += (await file.write(piece, 0, Math.min(FILL_BYTES, toBytes - at), at)).bytesWritten;
      }
    } finally {
      await file.close();
    }
  },
  lengthen: (name, toBytes) => truncate(name, toBytes),
  link: (from, to) => link(from, to),
  rename: (from, to) => rename(from, to),
  remove: (name) => rm(name, { recursive: true, force: true }),
  syncFile: (name) => sync(name, constants.O_RDWR),
  syncFolder: (folder) => sync(folder, constants.O_RDONLY | constants.O_DIRECTORY),
};

/**
 * An inode's number as records keep it: its lower 53 bits, which every number in JSON holds exactly. Network file
 * systems make numbers of all 64 bits.
 */
export function inodeNumber(inode: bigint): number {
  return Number(BigInt.asUintN(53, inode));
}

/**
 * Where the kernel can't tell when a file was made, Node gives 0 or the time of its last change, which moves. A file
 * whose two times are really the same is one that was just made; not knowing its birth does no harm.
 */
export function birthTimeOf(birth: bigint, change: bigint): Pick<FileFacts, 'birthTime'> {
  return birth > 0n && birth !== change ? { birthTime: `${birth}` } : {};
}

/** Writes a small file so that at any moment, and after a power cut, it has either its old content or the new one. */
export async function replaceText(files: VolumeFiles, name: string, text: string, staged: string): Promise<void> {
  await files.writeText(staged, text);
  await files.syncFile(staged);
  await files.rename(staged, name);
  await files.syncFolder(path.dirname(name));
}

/** Node's own recursion may say of a read-only volume that a folder is missing (ENOENT instead of EROFS). */
async function makeFolder(folder: string, mayLackParent = true): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || !mayLackParent || path.dirname(folder) === folder) throw error;
    await makeFolder(path.dirname(folder));
    await makeFolder(folder, false);
  }
}

async function sync(name: string, flags: number): Promise<void> {
  const file = await open(name, flags);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function orUndefined<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
