import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { ContentError } from './failure.ts';
import { giveBack } from './give-back.ts';
import type { Descriptor } from './manifest.ts';

/** The file of a blob in an OCI layout folder. */
export function blobFile(layout: string, digest: string): string {
  return path.join(layout, 'blobs', ...digest.split(':'));
}

const PIECE_BYTES = 1024 ** 2;

/**
 * The bytes of a blob, hashed on the way: oras trusts a blob by its name, and one that a power cut shortened keeps its
 * name. Throws a {@link ContentError} with the blob's digest at the end when they aren't the blob's bytes, so nothing
 * that was made from them may be used before the end.
 *
 * A piece is there until the next one is asked for: all of them share two buffers, so that a blob of many GiB takes no
 * more memory than a small one.
 */
export async function* passBlob(layout: string, { digest, size }: Descriptor): AsyncGenerator<Buffer> {
  const file = await openBlob(layout, digest);
  try {
    const hash = createHash('sha256');
    let length = 0;
    for await (const piece of piecesOf(file)) {
      length += piece.length;
      if (length > size) break;
      hash.update(piece);
      yield piece;
    }
    if (length !== size) throw damaged(digest, `has not ${size} bytes`);
    if (`sha256:${hash.digest('hex')}` !== digest) throw damaged(digest, 'has other content than its digest says');
  } finally {
    await file.close();
  }
}

/** As {@link passBlob}, in pieces that stay: for streams, which hold on to what they are given. */
export async function* readBlob(layout: string, blob: Descriptor): AsyncGenerator<Buffer> {
  for await (const piece of passBlob(layout, blob)) yield Buffer.from(piece);
}

async function openBlob(layout: string, digest: string): Promise<FileHandle> {
  try {
    return await open(blobFile(layout, digest), 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') throw damaged(digest, 'is missing');
    throw error;
  }
}

/** One piece is read while the one before it is used. */
async function* piecesOf(file: FileHandle): AsyncGenerator<Buffer> {
  let [next, after] = [Buffer.allocUnsafeSlow(PIECE_BYTES), Buffer.allocUnsafeSlow(PIECE_BYTES)];
  let reading = file.read(next, 0, PIECE_BYTES, null);
  try {
    for (;;) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) return;
      const piece = next.subarray(0, bytesRead);
      [next, after] = [after, next];
      reading = file.read(next, 0, PIECE_BYTES, null);
      yield piece;
    }
  } finally {
    // Its outcome was asked for, or nobody wants it any more.
    await reading.catch(() => undefined);
    for (const { buffer } of [next, after]) giveBack(buffer);
  }
}

/** Throws a {@link ContentError} when a blob's bytes aren't those that its digest says. */
export async function checkBlob(layout: string, blob: Descriptor): Promise<void> {
  const pieces = passBlob(layout, blob);
  while ((await pieces.next()).done !== true);
}

function damaged(digest: string, what: string): ContentError {
  const message = `The part ${digest} of the snapshot ${what} on the volume. It is fetched again.`;
  return new ContentError({ reason: 'SnapshotDigestMismatch', message }, digest);
}

/** Bytes in a layout folder so far. */
export interface LayoutBytes {
  /** Of blobs that oras takes for whole. */
  readonly whole: number;
  /** Of those that are on their way, or were when oras ended: it begins them anew. */
  readonly unfinished: number;
}

export async function bytesIn(layout: string): Promise<LayoutBytes> {
  const [whole, unfinished] = await Promise.all([
    sizeOfFiles(path.join(layout, 'blobs', 'sha256')),
    sizeOfFiles(path.join(layout, 'ingest')),
  ]);
  return { whole, unfinished };
}

async function sizeOfFiles(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readFolder(folder)) bytes += await sizeOf(path.join(folder, name));
  return bytes;
}

/** What an interrupted oras leaves; it never uses that again. */
export async function removeUnfinished(layout: string): Promise<void> {
  await rm(path.join(layout, 'ingest'), { recursive: true, force: true });
}

/** Removes blobs, and what oras keeps beside them and makes anew, so that the next fetch brings them again. */
export async function forget(layout: string, digests: readonly string[]): Promise<void> {
  for (const digest of digests) await rm(blobFile(layout, digest), { force: true });
  // oras syncs neither of the two; after a power cut it finds them empty, and fails at that for ever.
  for (const name of ['index.json', 'oci-layout']) await rm(path.join(layout, name), { force: true });
}

/** Makes everything in a layout folder durable. */
export async function syncLayout(layout: string): Promise<void> {
  const blobs = path.join(layout, 'blobs', 'sha256');
  for (const name of await readFolder(blobs)) await sync(path.join(blobs, name));
  for (const name of [blobs, path.join(layout, 'blobs'), layout]) await sync(name);
}

async function sync(name: string): Promise<void> {
  const file = await open(name, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function readFolder(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** 0 for a file that oras renamed or removed meanwhile. */
async function sizeOf(name: string): Promise<number> {
  try {
    return (await stat(name)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0;
    throw error;
  }
}
