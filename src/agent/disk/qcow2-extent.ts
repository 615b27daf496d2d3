import { failed, type Result, success } from '../failure.ts';
import type { Qcow2Header } from './qcow2-header.ts';

const OFFSET_MASK = 0x00fffffffffffe00n;
const COMPRESSED = 1n << 62n;
const ALL_ZERO = 1n;
const READ_BYTES = 64 * 1024;

/** What the walk needs of an open file. */
export interface TableFile {
  stat(): Promise<{ readonly size: number; readonly blocks: number }>;
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
}

/** qemu-img check keeps a count of each cluster of a file in memory: 2 bytes each, and so 128 MiB at most. */
const MAXIMUM_CLUSTERS = 2 ** 26;
/** What tables may take beyond {@link tableBudget}'s reasons: L1 and refcount tables, and the list of snapshots. */
const SMALL_TABLES_BYTES = 64 * 1024 ** 2;

/**
 * How long a whole qcow2 file with these tables is at least, in bytes: up to the end of the last byte that they refer
 * to. `qemu-img check` calls a cut file sound when the cut left its tables alone, and its `image-end-offset` is
 * rounded up to a whole cluster, which sound files needn't reach: an empty image ends with its L1 table, and one with
 * compressed clusters at a sector.
 *
 * Whatever the tables hold, nothing outside the file is read, no table twice, and no more of them than
 * {@link tableBudget} says.
 */
export async function requiredBytes(file: TableFile, header: Qcow2Header): Promise<Result<number>> {
  const { size: fileBytes, blocks } = await file.stat();
  if (fileBytes / header.clusterBytes > MAXIMUM_CLUSTERS) {
    return failed(
      'DiskTooManyClusters',
      `The file has ${fileBytes} bytes in clusters of ${header.clusterBytes}: more than can be checked in the memory of a machine. Convert it: qemu-img convert -O qcow2 DISK win98.qcow2`,
    );
  }
  const walk = new ExtentWalk(file, header, fileBytes, tableBudget(header, blocks * 512));
  await walk.refcounts();
  await walk.level1(header.l1Offset, header.l1Entries);
  await walk.snapshots();
  return walk.damage === undefined ? success(walk.required) : failed('DiskHeaderInvalid', walk.damage);
}

/**
 * How many bytes of tables are read at most. One set of L2 tables that maps the whole disk may lie in holes of the
 * file, all zero; what is beyond that (internal snapshots have tables of their own) takes room on the volume. Without
 * a bound, a file of holes could keep us reading for days.
 */
function tableBudget({ virtualBytes, clusterBytes, extendedL2 }: Qcow2Header, allocatedBytes: number): number {
  const l2Covers = clusterBytes * (clusterBytes / (extendedL2 ? 16 : 8));
  return Math.ceil(virtualBytes / l2Covers) * clusterBytes + allocatedBytes + SMALL_TABLES_BYTES;
}

class ExtentWalk {
  required = 0;
  damage: string | undefined;
  readonly #file: TableFile;
  readonly #header: Qcow2Header;
  readonly #fileBytes: number;
  /** Bytes of tables that may still be read. */
  #budget: number;
  /** A bit for each cluster of the file: whether it was read as an L2 table. Snapshots share theirs with the disk. */
  readonly #seen: Uint8Array;

  constructor(file: TableFile, header: Qcow2Header, fileBytes: number, budget: number) {
    this.#file = file;
    this.#header = header;
    this.#fileBytes = fileBytes;
    this.#budget = budget;
    this.#seen = new Uint8Array(Math.ceil(fileBytes / header.clusterBytes / 8));
  }

  async refcounts(): Promise<void> {
    const { refcountTableOffset, refcountTableBytes, clusterBytes } = this.#header;
    for await (const words of this.#words(refcountTableOffset, refcountTableBytes / 8)) {
      for (let at = 0; at < words.length; at += 8) {
        const entry = words.readBigUInt64BE(at);
        if (entry !== 0n) this.#need(Number(entry & OFFSET_MASK) + clusterBytes);
      }
    }
  }

  async level1(offset: number, count: number): Promise<void> {
    const { clusterBytes, extendedL2 } = this.#header;
    const l2Entries = clusterBytes / (extendedL2 ? 16 : 8);
    let index = 0;
    for await (const words of this.#words(offset, count)) {
      for (let at = 0; at < words.length; at += 8, index += 1) {
        const l2Offset = Number(words.readBigUInt64BE(at) & OFFSET_MASK);
        if (l2Offset === 0) continue;
        this.#need(l2Offset + clusterBytes);
        if (this.#isNew(l2Offset)) await this.#level2(l2Offset, index * l2Entries);
      }
    }
  }

  /** Whether there is a whole L2 table that wasn't read yet. */
  #isNew(l2Offset: number): boolean {
    const { clusterBytes } = this.#header;
    if (l2Offset % clusterBytes !== 0) this.damage = `An L2 table is said to be at ${l2Offset}; the image is damaged.`;
    if (this.damage !== undefined || l2Offset + clusterBytes > this.#fileBytes) return false;
    const cluster = l2Offset / clusterBytes;
    const bit = 1 << (cluster % 8);
    const byte = this.#seen[cluster >>> 3] ?? 0;
    this.#seen[cluster >>> 3] = byte | bit;
    return (byte & bit) === 0;
  }

  async #level2(offset: number, firstCluster: number): Promise<void> {
    const { clusterBytes, extendedL2, virtualBytes } = this.#header;
    const entryBytes = extendedL2 ? 16 : 8;
    let cluster = firstCluster;
    for await (const words of this.#words(offset, clusterBytes / 8)) {
      for (let at = 0; at + entryBytes <= words.length; at += entryBytes, cluster += 1) {
        const entry = words.readBigUInt64BE(at);
        const allocated = extendedL2 ? words.readBigUInt64BE(at + 8) & 0xffffffffn : undefined;
        this.#need(dataEnd(entry, allocated, clusterBytes, virtualBytes - cluster * clusterBytes));
      }
    }
  }

  /** Internal snapshots have L1 tables of their own (docs/interop/qcow2.txt, "Snapshots"). */
  async snapshots(): Promise<void> {
    const fixed = Buffer.alloc(40);
    let offset = this.#header.snapshotsOffset;
    for (let index = 0; index < this.#header.snapshotCount && this.damage === undefined; index += 1) {
      const isWhole = offset + 40 <= this.#fileBytes;
      if (!isWhole || (await this.#file.read(fixed, 0, 40, offset)).bytesRead < 40) {
        this.damage = `The table of internal snapshots is cut at entry ${index + 1}. Copy the file again, whole.`;
        return;
      }
      const l1Offset = Number(fixed.readBigUInt64BE(0));
      const l1Entries = fixed.readUInt32BE(8);
      const names = fixed.readUInt16BE(12) + fixed.readUInt16BE(14);
      if (l1Entries * 8 > 32 * 1024 ** 2) {
        this.damage = `An internal snapshot has an L1 table of ${l1Entries} entries; the image is damaged.`;
        return;
      }
      this.#need(l1Offset + l1Entries * 8);
      if (l1Offset + l1Entries * 8 <= this.#fileBytes) await this.level1(l1Offset, l1Entries);
      const length = 40 + fixed.readUInt32BE(36) + names;
      this.#need(offset + length);
      offset += Math.ceil(length / 8) * 8;
    }
  }

  #need(end: number): void {
    if (end > this.required) this.required = end;
  }

  /**
   * Big-endian 64-bit words, up to 64 KiB of them at a time: handing over each alone takes ten times as long. A table
   * that the file ends in the middle of gives those that are there, and a damage that was found ends all reading.
   */
  async *#words(offset: number, count: number): AsyncGenerator<Buffer> {
    const tableBytes = Math.min(count * 8, Math.max(0, this.#fileBytes - offset));
    const buffer = Buffer.alloc(Math.min(tableBytes, READ_BYTES));
    for (let done = 0; done < tableBytes && this.damage === undefined; done += buffer.length) {
      const length = Math.min(buffer.length, tableBytes - done);
      this.#budget -= length;
      if (this.#budget < 0) {
        this.damage = 'The image has more tables than a disk of its size can need; it is damaged.';
        return;
      }
      const { bytesRead } = await this.#file.read(buffer, 0, length, offset + done);
      yield buffer.subarray(0, bytesRead - (bytesRead % 8));
      if (bytesRead < length) return;
    }
  }
}

/** Where the data of one L2 entry ends in the file; 0 when it has none. `rest` is the disk's size from there on. */
function dataEnd(entry: bigint, allocatedSubclusters: bigint | undefined, clusterBytes: number, rest: number): number {
  if ((entry & COMPRESSED) !== 0n) return compressedEnd(entry, clusterBytes);
  const offset = Number(entry & OFFSET_MASK);
  if (offset === 0) return 0;
  if (allocatedSubclusters !== undefined) {
    const highest = 32 - Math.clz32(Number(allocatedSubclusters));
    return highest === 0 ? 0 : offset + Math.min((highest * clusterBytes) / 32, Math.max(rest, 0));
  }
  if ((entry & ALL_ZERO) !== 0n) return 0;
  return offset + Math.min(clusterBytes, Math.max(rest, 0));
}

/** The descriptor counts 512-byte sectors; the data ends somewhere in the last one, and QEMU fills that up. */
function compressedEnd(entry: bigint, clusterBytes: number): number {
  const offsetBits = BigInt(62 - (Math.log2(clusterBytes) - 8));
  const offset = Number(entry & ((1n << offsetBits) - 1n));
  const sectors = Number((entry & (COMPRESSED - 1n)) >> offsetBits);
  return Math.floor(offset / 512) * 512 + (sectors + 1) * 512;
}
