import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ContentError } from './failure.ts';
import { giveBack } from './give-back.ts';
import { blobFile } from './layout.ts';
import type { Descriptor } from './manifest.ts';

type Blob = Pick<Descriptor, 'digest' | 'size'>;

const PIECE_BYTES = 1024 ** 2;
const SYNC_BYTES = 32 * 1024 ** 2;
const LOOK_MILLISECONDS = 20;

/** Somebody who hashes a blob while oras writes it. */
export interface Following {
  /**
   * To be called when oras has ended, however it has.
   * @returns true when the blob in the layout was followed to its end and is what its digest says; false when nothing
   * is known of it (it was there before, or was begun twice), so that it must be read
   * @throws ContentError when the volume didn't take it; the signal's reason when it aborts
   */
  end(): Promise<boolean>;
}

/**
 * Follows the file of a blob that `oras cp` is about to bring into an OCI layout: reads and hashes it as it grows, and
 * lets it be written to the volume meanwhile, so that neither is left to do when the last byte has come.
 */
export function followBlob(layout: string, blob: Blob, signal: AbortSignal): Following {
  let isOver = false;
  const following = follow(layout, blob, () => {
    signal.throwIfAborted();
    return isOver;
  });
  // Its error is thrown by end(); until then it must not count as unhandled.
  following.catch(() => undefined);
  return {
    end: () => {
      isOver = true;
      return following;
    },
  };
}

async function follow(layout: string, blob: Blob, isOver: () => boolean): Promise<boolean> {
  const file = await openWhenItComes(path.join(layout, 'ingest'), blob, isOver);
  if (file === undefined) return false;
  try {
    const { length, sha256 } = await hashAsItGrows(file, blob, isOver);
    if (length !== blob.size || `sha256:${sha256}` !== blob.digest) return false;
    const [followed, whole] = await Promise.all([
      file.stat({ bigint: true }),
      stat(blobFile(layout, blob.digest), { bigint: true }).catch(() => undefined),
    ]);
    return followed.ino === whole?.ino && followed.dev === whole.dev;
  } finally {
    await file.close();
  }
}

/** oras writes a blob as `ingest/<sha256>_<something>` and renames it when it is whole. */
async function openWhenItComes(
  folder: string,
  { digest }: Blob,
  isOver: () => boolean,
): Promise<FileHandle | undefined> {
  for (; !isOver(); await delay(LOOK_MILLISECONDS)) {
    try {
      const name = (await readdir(folder)).find((entry) => entry.startsWith(`${digest.replace('sha256:', '')}_`));
      if (name !== undefined) return await open(path.join(folder, name), 'r');
    } catch (error) {
      // Not there yet, or renamed between two looks: then the blob is read in the end.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
  return undefined;
}

async function hashAsItGrows(file: FileHandle, blob: Blob, isOver: () => boolean) {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  let length = 0;
  let unsynced = 0;
  let syncing: Promise<void> = Promise.resolve();
  try {
    for (;;) {
      // Asked first: what is there after oras has ended is all.
      const isAll = isOver();
      const { bytesRead } = await file.read(buffer, 0, PIECE_BYTES, length);
      if (bytesRead === 0 && isAll) break;
      if (bytesRead === 0) await delay(LOOK_MILLISECONDS);
      hash.update(buffer.subarray(0, bytesRead));
      length += bytesRead;
      unsynced += bytesRead;
      if (unsynced < SYNC_BYTES) continue;
      unsynced = 0;
      syncing = syncing.then(() => file.datasync());
      syncing.catch(() => undefined);
    }
  } finally {
    giveBack(buffer.buffer);
    await syncing.catch((error: unknown) => {
      throw notWritten(blob, error);
    });
  }
  return { length, sha256: hash.digest('hex') };
}

/** The kernel tells of this once: whoever reads the blob later gets good bytes from memory that aren't on the disk. */
function notWritten({ digest }: Blob, error: unknown): ContentError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const reason = code === 'ENOSPC' || code === 'EDQUOT' ? 'NoSpace' : 'SnapshotDigestMismatch';
  const why = error instanceof Error ? error.message : String(error);
  const message = `The part ${digest} of the snapshot could not be written to the volume (${why}). It is fetched again.`;
  return new ContentError({ reason, message }, digest);
}
