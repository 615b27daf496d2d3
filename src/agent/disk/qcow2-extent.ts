import type { FileHandle } from 'node:fs/promises';
import { failed, type Result, success } from '../failure.ts';
import type { Qcow2Header } from './qcow2-header.ts';

const OFFSET_MASK = 0x00fffffffffffe00n;
const COMPRESSED = 1n << 62n;
const ALL_ZERO = 1n;

/**
 * How long a whole qcow2 file with these tables is at least, in bytes: up to the end of the last byte that they refer
 * to. `qemu-img check` calls a cut file sound when the cut left its tables alone, and its `image-end-offset` is
 * rounded up to a whole cluster, which sound files needn't reach: an empty image ends with its L1 table, and one with
 * compressed clusters at a sector.
 */
export async function requiredBytes(file: FileHandle, header: Qcow2Header): Promise<Result<number>> {
  const { size: fileBytes } = await file.stat();
  const walk = new ExtentWalk(file, header, fileBytes);
  await walk.refcounts();
  await walk.level1(header.l1Offset, header.l1Entries);
  await walk.snapshots();
  return walk.damage === undefined ? success(walk.required) : failed('DiskHeaderInvalid', walk.damage);
}

class ExtentWalk {
  required = 0;
  damage: string | undefined;
  readonly #file: FileHandle;
  readonly #header: Qcow2Header;
  readonly #fileBytes: number;

  constructor(file: FileHandle, header: Qcow2Header, fileBytes: number) {
    this.#file = file;
    this.#header = header;
    this.#fileBytes = fileBytes;
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
        if (l2Offset + clusterBytes <= this.#fileBytes) await this.#level2(l2Offset, index * l2Entries);
      }
    }
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
    for (let index = 0; index < this.#header.snapshotCount; index += 1) {
      const { bytesRead } = await this.#file.read(fixed, 0, 40, offset);
      if (bytesRead < 40) {
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
   * that the file ends in the middle of gives those that are there.
   */
  async *#words(offset: number, count: number): AsyncGenerator<Buffer> {
    const buffer = Buffer.alloc(Math.min(count * 8, 64 * 1024));
    for (let done = 0; done < count * 8; done += buffer.length) {
      const { bytesRead } = await this.#file.read(buffer, 0, Math.min(buffer.length, count * 8 - done), offset + done);
      yield buffer.subarray(0, bytesRead - (bytesRead % 8));
      if (bytesRead < buffer.length) return;
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
