import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { ContentError } from './failure.ts';
import type { Descriptor } from './manifest.ts';

/** The file of a blob in an OCI layout folder. */
export function blobFile(layout: string, digest: string): string {
  return path.join(layout, 'blobs', ...digest.split(':'));
}

/**
 * The bytes of a blob, hashed on the way: oras trusts a blob by its name, and one that a power cut shortened keeps its
 * name. Throws a {@link ContentError} with the blob's digest at the end when they aren't the blob's bytes, so nothing
 * that was made from them may be used before the end.
 */
export async function* readBlob(layout: string, { digest, size }: Descriptor): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let length = 0;
  const stream = createReadStream(blobFile(layout, digest), { highWaterMark: 1024 * 1024 });
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      length += piece.length;
      if (length > size) break;
      hash.update(piece);
      yield piece;
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') throw damaged(digest, 'is missing');
    throw error;
  }
  if (length !== size) throw damaged(digest, `has not ${size} bytes`);
  if (`sha256:${hash.digest('hex')}` !== digest) throw damaged(digest, 'has other content than its digest says');
}

/** Throws a {@link ContentError} when a blob's bytes aren't those that its digest says. */
export async function checkBlob(layout: string, blob: Descriptor): Promise<void> {
  const pieces = readBlob(layout, blob);
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

/** Removes blobs, and the index that says that they are there, so that the next fetch brings them again. */
export async function forget(layout: string, digests: readonly string[]): Promise<void> {
  for (const digest of digests) await rm(blobFile(layout, digest), { force: true });
  await rm(path.join(layout, 'index.json'), { force: true });
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
