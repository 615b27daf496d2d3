import type { FileHandle } from 'node:fs/promises';
import type { GuestDisk, GuestPiece } from '../../oci/guest-disk.ts';
import type { Qcow2Header } from '../disk/qcow2-header.ts';
import { decompressCluster } from './compressed-cluster.ts';
import { type GuestRun, joined, runOfEntry } from './guest-run.ts';

const OFFSET_MASK = 0x00fffffffffffe00n;
const PIECE_BYTES = 1024 * 1024;

/**
 * What the guest sees of a qcow2 file (QEMU's docs/interop/qcow2.txt) that was inspected before: no backing file, no
 * data elsewhere. Clusters may be plain, zero, compressed (deflate or zstd) or have subclusters; internal snapshots are
 * left aside. Whatever the size of the disk, one L2 table and one piece are in memory.
 */
export function qcow2Guest(file: FileHandle, header: Qcow2Header): GuestDisk {
  const { virtualBytes } = header;
  const reader = new Qcow2Reader(file, header);
  return { virtualBytes, pieces: (from, to) => reader.pieces(from, Math.min(to, virtualBytes)) };
}

class Qcow2Reader {
  readonly #file: FileHandle;
  readonly #header: Qcow2Header;
  readonly #piece = Buffer.allocUnsafe(PIECE_BYTES);
  /** The last L2 table that was read, by its place in L1. */
  #table: { readonly index: number; readonly entries: Buffer | undefined } | undefined;

  constructor(file: FileHandle, header: Qcow2Header) {
    this.#file = file;
    this.#header = header;
  }

  async *pieces(from: number, to: number): AsyncGenerator<GuestPiece> {
    for await (const run of joined(this.#runs(from, to))) {
      if (run.kind === 'Zero') yield { zeros: run.bytes };
      else if (run.kind === 'Plain') yield* this.#plain(run.offset, run.bytes);
      else yield { bytes: (await this.#unpacked(run)).subarray(run.skip, run.skip + run.bytes) };
    }
  }

  async *#runs(from: number, to: number): AsyncGenerator<GuestRun> {
    const { clusterBytes, extendedL2 } = this.#header;
    const entryBytes = extendedL2 ? 16 : 8;
    const perTable = clusterBytes / entryBytes;
    for (let at = from; at < to; ) {
      const cluster = Math.floor(at / clusterBytes);
      const index = Math.floor(cluster / perTable);
      const entries = await this.#l2(index);
      const start = cluster * clusterBytes;
      const end = Math.min(to, entries === undefined ? (index + 1) * perTable * clusterBytes : start + clusterBytes);
      const place = (cluster % perTable) * entryBytes;
      yield* entries === undefined
        ? [{ kind: 'Zero', bytes: end - at } as const]
        : runOfEntry(this.#header, entries.subarray(place, place + entryBytes), at - start, end - start);
      at = end;
    }
  }

  async #l2(index: number): Promise<Buffer | undefined> {
    if (this.#table?.index === index) return this.#table.entries;
    const word = await this.#read(Buffer.alloc(8), this.#header.l1Offset + index * 8);
    const offset = Number(word.readBigUInt64BE(0) & OFFSET_MASK);
    const entries = offset === 0 ? undefined : await this.#read(Buffer.alloc(this.#header.clusterBytes), offset);
    this.#table = { index, entries };
    return entries;
  }

  async *#plain(offset: number, bytes: number): AsyncGenerator<GuestPiece> {
    for (let done = 0; done < bytes; done += PIECE_BYTES) {
      const piece = this.#piece.subarray(0, Math.min(PIECE_BYTES, bytes - done));
      yield { bytes: await this.#read(piece, offset + done) };
    }
  }

  async #unpacked(run: Extract<GuestRun, { kind: 'Compressed' }>): Promise<Buffer> {
    const packed = Buffer.alloc(run.packedBytes);
    const { bytesRead } = await this.#file.read(packed, 0, packed.length, run.offset);
    return decompressCluster(this.#header, packed.subarray(0, bytesRead));
  }

  /** A file that was whole when it was inspected and ends earlier now is being written to. */
  async #read(into: Buffer, offset: number): Promise<Buffer> {
    for (let done = 0; done < into.length; ) {
      const { bytesRead } = await this.#file.read(into, done, into.length - done, offset + done);
      if (bytesRead === 0) throw new Error(`the file ends at byte ${offset + done}`);
      done += bytesRead;
    }
    return into;
  }
}
