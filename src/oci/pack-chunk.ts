import { createHash } from 'node:crypto';
import { createZstdCompress } from 'node:zlib';
import { CHUNK_BYTES } from './disk-artifact.ts';
import type { GuestDisk } from './guest-disk.ts';
import type { GuestHash } from './guest-hash.ts';

/** A blob that is about to be pushed. */
export interface PackedBlob {
  readonly digest: string;
  readonly bytes: Buffer;
}

const ZEROS = Buffer.alloc(1024 * 1024);
const OUTPUT_BYTES = 128 * 1024;
/** zstd makes incompressible data a little larger (ZSTD_COMPRESSBOUND: a 256th). */
const MAXIMUM_PACKED_BYTES = CHUNK_BYTES + CHUNK_BYTES / 256 + OUTPUT_BYTES;

/**
 * Compresses a disk, chunk by chunk. The same bytes always make the same blob (with the same zstd: another release of
 * Node may pack otherwise, and then the chunks are sent again, once).
 */
export class ChunkPacker {
  readonly #disk: GuestDisk;
  readonly #hash: GuestHash;
  /** Used in turn, so that memory stays flat: garbage of this size would be collected late. */
  #room = Buffer.allocUnsafe(MAXIMUM_PACKED_BYTES);
  #otherRoom = Buffer.allocUnsafe(MAXIMUM_PACKED_BYTES);

  /** @param hash is given all bytes of the chunks */
  constructor(disk: GuestDisk, hash: GuestHash) {
    this.#disk = disk;
    this.#hash = hash;
  }

  /** One chunk; undefined when it is all zero. Its bytes are good until the next but one is asked for. */
  async pack(chunk: number): Promise<PackedBlob | undefined> {
    const from = chunk * CHUNK_BYTES;
    const to = Math.min(from + CHUNK_BYTES, this.#disk.virtualBytes);
    let blob: BlobWriter | undefined;
    let zeros = 0;
    for await (const piece of this.#disk.pieces(from, to)) {
      const bytes = 'bytes' in piece && !isZero(piece.bytes) ? piece.bytes : undefined;
      if ('bytes' in piece) this.#hash.update(piece.bytes);
      else this.#hash.zeros(piece.zeros);
      if (bytes === undefined) {
        zeros += 'bytes' in piece ? piece.bytes.length : piece.zeros;
        continue;
      }
      blob ??= this.#newBlob(to - from);
      await blob.zeros(zeros);
      zeros = 0;
      await blob.write(bytes);
    }
    await blob?.zeros(zeros);
    return blob?.end();
  }

  #newBlob(bytes: number): BlobWriter {
    [this.#room, this.#otherRoom] = [this.#otherRoom, this.#room];
    return new BlobWriter(bytes, this.#room);
  }
}

function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const part = bytes.subarray(at, at + ZEROS.length);
    if (!part.equals(ZEROS.subarray(0, part.length))) return false;
  }
  return true;
}

/** Compresses what is written to it, piece by piece; a piece may be used again once it is written. */
class BlobWriter {
  readonly #zstd;
  readonly #packed: Promise<PackedBlob>;

  constructor(bytes: number, room: Buffer) {
    // Told its size, zstd writes it down in the frame, and the reader knows what to expect.
    this.#zstd = createZstdCompress({ pledgedSrcSize: bytes, chunkSize: OUTPUT_BYTES });
    this.#packed = collect(this.#zstd, room);
    // Thrown where it is awaited; until then it must not count as unhandled.
    this.#packed.catch(() => undefined);
  }

  write(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#zstd.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  async zeros(count: number): Promise<void> {
    for (let left = count; left > 0; left -= ZEROS.length)
      await this.write(ZEROS.subarray(0, Math.min(left, ZEROS.length)));
  }

  end(): Promise<PackedBlob> {
    this.#zstd.end();
    return this.#packed;
  }
}

async function collect(packed: AsyncIterable<Buffer>, room: Buffer): Promise<PackedBlob> {
  let size = 0;
  for await (const piece of packed) {
    if (size + piece.length > room.length) throw new Error(`zstd made more than ${room.length} bytes of a chunk`);
    room.set(piece, size);
    size += piece.length;
  }
  const bytes = room.subarray(0, size);
  return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, bytes };
}
