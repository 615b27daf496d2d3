import { createZstdDecompress } from 'node:zlib';
import { CHUNK_BYTES, DISK_ARTIFACT } from './disk-artifact.ts';
import type { DiskContent } from './disk-content.ts';
import { ContentError, failed, type OciResult, success } from './failure.ts';
import { giveBack } from './give-back.ts';
import { GuestHash } from './guest-hash.ts';
import { checkBlob, passBlob } from './layout.ts';
import type { Descriptor, Manifest } from './manifest.ts';
import { pour } from './pour.ts';
import { type ChunkPlace, planQcow2 } from './qcow2-writer.ts';

/** 127 GiB: see the agent's qcow2 parser. */
const MAXIMUM_VIRTUAL_BYTES = 127 * 1024 ** 3;
/** zstd makes incompressible data a little larger. */
const MAXIMUM_CHUNK_BLOB_BYTES = CHUNK_BYTES + 1024 ** 2;
const PIECE_BYTES = 1024 ** 2;
const ZEROS = Buffer.alloc(PIECE_BYTES);

/** The disk of our own artifact: its chunks decompressed, each to exactly its size, into a qcow2 file. */
export function chunkedDisk(layout: string, manifest: Manifest): OciResult<DiskContent> {
  const size = manifest.annotations?.[DISK_ARTIFACT.annotations.virtualSize] ?? '';
  const virtualBytes = /^\d{1,15}$/.test(size) ? Number(size) : 0;
  const contentSha256 = manifest.annotations?.[DISK_ARTIFACT.annotations.contentSha256] ?? '';
  if (virtualBytes === 0 || virtualBytes > MAXIMUM_VIRTUAL_BYTES) {
    return invalid(`its ${DISK_ARTIFACT.annotations.virtualSize} is no size up to 127 GiB`);
  }
  if (!/^[0-9a-f]{64}$/.test(contentSha256)) return invalid(`it has no ${DISK_ARTIFACT.annotations.contentSha256}`);
  const layers = chunksOf(manifest, Math.ceil(virtualBytes / CHUNK_BYTES));
  if (!layers.ok) return layers;
  const chunks = [...layers.value.keys()].sort((one, other) => one - other);
  const plan = planQcow2(virtualBytes, chunks);
  return success({
    description: 'disk artifact',
    sizeBytes: plan.fileBytes,
    virtualBytes,
    read: async function* () {
      yield plan.metadata;
      const guest = new GuestHash();
      for (const place of plan.places) {
        const layer = layers.value.get(place.chunk);
        if (layer === undefined) throw new Error(`no layer for chunk ${place.chunk}`);
        guest.zerosUpTo(place.chunk * CHUNK_BYTES);
        for await (const bytes of readChunk(layout, layer, place)) {
          guest.update(bytes);
          yield bytes;
        }
        if (place.fileBytes > place.bytes) yield ZEROS.subarray(0, place.fileBytes - place.bytes);
      }
      guest.zerosUpTo(virtualBytes);
      if (guest.digest() !== contentSha256) throw otherContent();
    },
  });
}

function invalid(what: string) {
  return failed('SnapshotInvalid', `The disk artifact can't be used: ${what}. Push it again.`);
}

function chunksOf(manifest: Manifest, count: number): OciResult<ReadonlyMap<number, Descriptor>> {
  const layers = new Map<number, Descriptor>();
  for (const layer of manifest.layers) {
    const text = layer.annotations?.[DISK_ARTIFACT.annotations.chunk] ?? '';
    const chunk = Number(text);
    if (layer.mediaType !== DISK_ARTIFACT.chunkType) return invalid(`it has a layer of type ${layer.mediaType}`);
    if (!/^\d{1,6}$/.test(text) || chunk >= count || layers.has(chunk))
      return invalid(`a layer has chunk number "${text}"`);
    if (layer.size > MAXIMUM_CHUNK_BLOB_BYTES) return invalid(`chunk ${chunk} has ${layer.size} bytes`);
    layers.set(chunk, layer);
  }
  return success(layers);
}

/** A chunk's bytes as they are unpacked; a piece is there until the next one is asked for. */
async function* readChunk(layout: string, layer: Descriptor, place: ChunkPlace): AsyncGenerator<Buffer> {
  const unpacked = createZstdDecompress({ chunkSize: PIECE_BYTES });
  const feeding = pour(passBlob(layout, layer), unpacked);
  // Its error reaches the loop below through the decompressor; until it is awaited it must not count as unhandled.
  feeding.catch(() => undefined);
  try {
    let length = 0;
    let used: ArrayBufferLike | undefined;
    for await (const bytes of unpacked as AsyncIterable<Buffer>) {
      // One buffer is filled after the other: with a piece in the next one, nothing comes into this one any more.
      if (used !== bytes.buffer) giveBack(used);
      used = bytes.buffer;
      length += bytes.length;
      if (length > place.bytes) throw wrongChunk(place, 'it holds more');
      yield bytes;
    }
    await feeding;
    if (length !== place.bytes) throw wrongChunk(place, `it holds ${length}`);
    giveBack(used);
  } catch (error) {
    throw await explain(error, layout, layer, place);
  } finally {
    unpacked.destroy();
    await feeding.catch(() => undefined);
  }
}

/** A damaged blob doesn't unpack either, long before its hash is known; but it can be fetched again. */
async function explain(error: unknown, layout: string, layer: Descriptor, place: ChunkPlace): Promise<unknown> {
  if (error instanceof ContentError && error.blob !== undefined) return error;
  await checkBlob(layout, layer);
  if (error instanceof ContentError) return error;
  return wrongChunk(place, error instanceof Error ? error.message : String(error));
}

function wrongChunk({ chunk, bytes }: ChunkPlace, why: string): ContentError {
  const message = `Chunk ${chunk} of the disk artifact is not ${bytes} bytes in zstd (${why}). Push it again.`;
  return new ContentError({ reason: 'SnapshotInvalid', message });
}

function otherContent(): ContentError {
  const message = 'The disk in the artifact is not the one that its annotation tells of. Push it again.';
  return new ContentError({ reason: 'SnapshotDigestMismatch', message });
}
