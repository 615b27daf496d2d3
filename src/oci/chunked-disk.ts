import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { CHUNK_BYTES, DISK_ARTIFACT } from './disk-artifact.ts';
import type { DiskContent } from './disk-content.ts';
import { ContentError, failed, type OciResult, success } from './failure.ts';
import { GuestHash } from './guest-hash.ts';
import { readBlob } from './layout.ts';
import type { Descriptor, Manifest } from './manifest.ts';
import { type ChunkPlace, planQcow2 } from './qcow2-writer.ts';

/** 127 GiB: see the agent's qcow2 parser. */
const MAXIMUM_VIRTUAL_BYTES = 127 * 1024 ** 3;
/** zstd makes incompressible data a little larger. */
const MAXIMUM_CHUNK_BLOB_BYTES = CHUNK_BYTES + 1024 ** 2;
const ZEROS = Buffer.alloc(1024 * 1024);

const decompress = promisify(zstdDecompress);

/** The disk of our own artifact: its chunks decompressed, each to exactly its size, into a qcow2 file. */
export function chunkedDisk(layout: string, manifest: Manifest): OciResult<DiskContent> {
  const virtualBytes = Number(manifest.annotations?.[DISK_ARTIFACT.annotations.virtualSize]);
  const contentSha256 = manifest.annotations?.[DISK_ARTIFACT.annotations.contentSha256] ?? '';
  if (!Number.isSafeInteger(virtualBytes) || virtualBytes <= 0 || virtualBytes > MAXIMUM_VIRTUAL_BYTES) {
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
        const bytes = await readChunk(layout, layer, place);
        guest.zerosUpTo(place.chunk * CHUNK_BYTES);
        guest.update(bytes);
        yield bytes;
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

async function readChunk(layout: string, layer: Descriptor, place: ChunkPlace): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of readBlob(layout, layer)) pieces.push(piece);
  const bytes = await decompress(Buffer.concat(pieces), { maxOutputLength: place.bytes }).catch((error: unknown) => {
    throw wrongChunk(place, error instanceof Error ? error.message : String(error));
  });
  if (bytes.length !== place.bytes) throw wrongChunk(place, `it holds ${bytes.length} bytes`);
  return bytes;
}

function wrongChunk({ chunk, bytes }: ChunkPlace, why: string): ContentError {
  const message = `Chunk ${chunk} of the disk artifact is not ${bytes} bytes in zstd (${why}). Push it again.`;
  return new ContentError({ reason: 'SnapshotInvalid', message });
}

function otherContent(): ContentError {
  const message = 'The disk in the artifact is not the one that its annotation tells of. Push it again.';
  return new ContentError({ reason: 'SnapshotDigestMismatch', message });
}
