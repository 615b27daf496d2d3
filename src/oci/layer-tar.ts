import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { ContentError } from './failure.ts';
import { checkBlob, readBlob } from './layout.ts';
import type { Descriptor } from './manifest.ts';

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
): AsyncGenerator<{ readonly entry: LayerEntry; readonly content: AsyncIterable<Buffer> }> {
  const archive = extract();
  const feeding = feed(layout, layer, archive);
  // Its error reaches the loop below through the archive; this keeps it from counting as unhandled meanwhile.
  feeding.catch(() => undefined);
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

async function feed(layout: string, layer: Descriptor, archive: ReturnType<typeof extract>): Promise<void> {
  const blob = Readable.from(readBlob(layout, layer), { objectMode: false });
  const start: unknown = await firstBytes(blob);
  const decompressor = decompressorFor(start instanceof Buffer ? start : Buffer.alloc(0));
  if (decompressor === undefined) return pipeline(blob, bounded, archive);
  return pipeline(blob, decompressor, bounded, archive);
}

/** Looks at the beginning without taking it away. */
async function firstBytes(blob: Readable): Promise<Buffer> {
  for await (const piece of blob.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    blob.unshift(piece);
    return piece;
  }
  return Buffer.alloc(0);
}

function decompressorFor(start: Buffer) {
  if (start.length >= 2 && start.readUInt16BE(0) === 0x1f8b) return createGunzip();
  if (start.length >= 4 && start.readUInt32BE(0) === 0x28b52ffd) return createZstdDecompress();
  return undefined;
}

async function* bounded(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > MAXIMUM_LAYER_BYTES) {
      const message = 'A layer of the snapshot unpacks to more than 200 GiB; it is not unpacked.';
      throw new ContentError({ reason: 'SnapshotInvalid', message });
    }
    yield piece;
  }
}

function entryOf(header: Header): LayerEntry {
  const path = cleanPath(header.name);
  const sizeBytes = header.size;
  if (header.type === 'link') {
    return { path, kind: 'Link', target: cleanPath(header.linkname), sizeBytes: 0 };
  }
  // Where it leads is looked at only if it is the disk: images are full of links with dots in them.
  if (header.type === 'symlink') return { path, kind: 'Symlink', target: header.linkname ?? '', sizeBytes: 0 };
  if (header.type === 'directory') return { path, kind: 'Folder', sizeBytes: 0 };
  // GNU's old sparse entries have a type that tar-stream doesn't know (null); new ones are files with extra records.
  const type: string | null = header.type;
  if (type === null || Object.keys(header.pax ?? {}).some((key) => key.startsWith('GNU.sparse.')))
    return { path, kind: 'Sparse', sizeBytes };
  return { path, kind: type === 'file' || type === 'contiguous-file' ? 'File' : 'Other', sizeBytes };
}

/** Nothing is ever written under these names, but an archive that tries to leave its root is not looked at further. */
function cleanPath(name: string): string {
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
