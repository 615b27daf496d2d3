import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { ContentError } from './failure.ts';
import { checkBlob, readBlob } from './layout.ts';
import type { Descriptor } from './manifest.ts';
import { pour } from './pour.ts';

/** Of one layer, unpacked: a disk of 127 GiB and room for a system around it. More is taken for a bomb. */
const MAXIMUM_LAYER_BYTES = 200 * 1024 ** 3;

export interface LayerEntry {
  /** Absolute and clean. */
  readonly path: string;
  readonly kind: 'File' | 'Link' | 'Symlink' | 'Folder' | 'Sparse' | 'Other';
  /** Absolute path of the file that a hard link names; what a symbolic link says, as it stands there. */
  readonly target?: string;
  readonly sizeBytes: number;
}

/**
 * Goes through a layer's archive (tar, plain or with gzip or zstd, told by its first bytes and not by its type, which
 * is often wrong). `content` must be read or left alone before the next entry is asked for. The blob's hash is checked
 * at the end, so nothing that was read counts before the iteration has ended by itself.
 */
export async function* readLayer(
  layout: string,
  layer: Descriptor,
  maximumBytes = MAXIMUM_LAYER_BYTES,
): AsyncGenerator<{ readonly entry: LayerEntry; readonly content: AsyncIterable<Buffer> }> {
  const archive = extract();
  const feeding = feed(layout, layer, archive, maximumBytes);
  // The loop below waits for the archive alone, so an error has to reach it through that.
  feeding.catch((error: unknown) => archive.destroy(error instanceof Error ? error : new Error(String(error))));
  try {
    for await (const stream of archive) {
      yield { entry: entryOf(stream.header), content: explained(layout, layer, stream as AsyncIterable<Buffer>) };
      stream.resume();
    }
    await feeding;
  } catch (error) {
    throw await explain(layout, layer, error);
  } finally {
    archive.destroy();
  }
}

async function* explained(layout: string, layer: Descriptor, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* content;
  } catch (error) {
    throw await explain(layout, layer, error);
  }
}

/** A damaged blob makes no archive either, long before its hash is known; but it can be fetched again. */
async function explain(layout: string, layer: Descriptor, error: unknown): Promise<unknown> {
  if (error instanceof ContentError && error.blob !== undefined) return error;
  try {
    await checkBlob(layout, layer);
  } catch (damaged) {
    return damaged;
  }
  return error instanceof ContentError ? error : notAnArchive(layer, error);
}

async function feed(
  layout: string,
  layer: Descriptor,
  archive: ReturnType<typeof extract>,
  maximumBytes: number,
): Promise<void> {
  const pieces = readBlob(layout, layer);
  const first = await pieces.next();
  const start = first.done === true ? Buffer.alloc(0) : first.value;
  const blob = following(start, pieces);
  const bounded = boundedBy(maximumBytes);
  const decompressor = decompressorFor(start);
  if (decompressor === undefined) return pipeline(Readable.from(blob, { objectMode: false }), bounded, archive);
  await Promise.all([pipeline(decompressor, bounded, archive), pour(blob, decompressor)]);
}

async function* following(start: Buffer, pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield start;
  yield* pieces;
}

function decompressorFor(start: Buffer): Transform | undefined {
  if (start.length >= 2 && start.readUInt16BE(0) === 0x1f8b) return createGunzip();
  if (start.length >= 4 && start.readUInt32BE(0) === 0x28b52ffd) return createZstdDecompress();
  return undefined;
}

function boundedBy(maximumBytes: number) {
  return async function* (pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let bytes = 0;
    for await (const piece of pieces) {
      bytes += piece.length;
      if (bytes > maximumBytes) {
        const message = `A layer of the snapshot unpacks to more than ${maximumBytes / 1024 ** 3} GiB; it is not unpacked.`;
        throw new ContentError({ reason: 'SnapshotInvalid', message });
      }
      yield piece;
    }
  };
}

function entryOf(header: Header): LayerEntry {
  // tar calls a sparse file GNUSparseFile.N/… and keeps its name beside it.
  const pax = (header.pax ?? {}) as Readonly<Record<string, string>>;
  const path = cleanPath(pax['GNU.sparse.name'] ?? header.name);
  const sizeBytes = header.size;
  if (header.type === 'link') {
    return { path, kind: 'Link', target: cleanPath(header.linkname), sizeBytes: 0 };
  }
  // Where it leads is looked at only if it is the disk: images are full of links with dots in them.
  if (header.type === 'symlink') return { path, kind: 'Symlink', target: header.linkname ?? '', sizeBytes: 0 };
  if (header.type === 'directory') return { path, kind: 'Folder', sizeBytes: 0 };
  // GNU's old sparse entries have a type that tar-stream doesn't know (null); new ones are files with extra records.
  const type: string | null = header.type;
  if (type === null || Object.keys(pax).some((key) => key.startsWith('GNU.sparse.')))
    return { path, kind: 'Sparse', sizeBytes };
  return { path, kind: type === 'file' || type === 'contiguous-file' ? 'File' : 'Other', sizeBytes };
}

/** Nothing is ever written under these names, but an archive that tries to leave its root is not looked at further. */
export function cleanPath(name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || name.includes('\0')) {
    const message = `A layer of the snapshot has an entry ${JSON.stringify(name)}, which leads out of it. It is not used.`;
    throw new ContentError({ reason: 'SnapshotInvalid', message });
  }
  return `/${parts.join('/')}`;
}

function notAnArchive({ digest }: Descriptor, error: unknown): ContentError {
  const why = error instanceof Error ? error.message : String(error);
  const message = `The layer ${digest} of the snapshot is not a whole tar archive (${why}). Push the snapshot again.`;
  return new ContentError({ reason: 'SnapshotInvalid', message });
}
