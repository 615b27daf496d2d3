import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { requiredBytes, type TableFile } from './qcow2-extent.ts';
import type { Qcow2Header } from './qcow2-header.ts';

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 ** 2;
const GIBIBYTE = 1024 ** 3;
const TEBIBYTE = 1024 ** 4;

/** Words in a part of a file; the rest is zero. */
interface Region {
  readonly from: number;
  readonly to: number;
  readonly word: (offset: number) => bigint;
}

/** A file that is never held as a whole, and what was read of it. */
class FileInMemory implements TableFile {
  bytesRead = 0;
  reads = 0;
  readonly #size: number;
  readonly #allocated: number;
  readonly #region: Region;

  constructor(size: number, allocated: number, region: Region) {
    this.#size = size;
    this.#allocated = allocated;
    this.#region = region;
  }

  stat = async () => ({ size: this.#size, blocks: this.#allocated / 512 });

  read = async (buffer: Buffer, offset: number, length: number, position: number) => {
    if (position < 0 || position + length > this.#size) throw new Error(`read out of the file at ${position}`);
    if (length > 64 * KIBIBYTE) throw new Error(`read ${length} bytes at once`);
    this.reads += 1;
    this.bytesRead += length;
    buffer.fill(0, offset, offset + length);
    const { from, to, word } = this.#region;
    const begin = Math.max(0, from - position);
    for (let at = begin; at + 8 <= Math.min(length, to - position); at += 8) {
      buffer.writeBigUInt64BE(BigInt.asUintN(64, word(position + at)), offset + at);
    }
    return { bytesRead: length };
  };
}

const NOTHING: Region = { from: 0, to: 0, word: () => 0n };

function headerOf(change: Partial<Qcow2Header>): Qcow2Header {
  return {
    version: 3,
    clusterBytes: 64 * KIBIBYTE,
    virtualBytes: GIBIBYTE,
    l1Offset: 64 * KIBIBYTE,
    l1Entries: 2,
    refcountTableOffset: 128 * KIBIBYTE,
    refcountTableBytes: 64 * KIBIBYTE,
    snapshotCount: 0,
    snapshotsOffset: 0,
    extendedL2: false,
    dirty: false,
    compression: 'deflate',
    ...change,
  };
}

describe('an image made to keep us busy', () => {
  test('whose L1 table names one L2 table four million times is read once', async () => {
    const clusterBytes = 2 * MEBIBYTE;
    const l1Entries = 4 * MEBIBYTE;
    const l2 = 40 * MEBIBYTE;
    const file = new FileInMemory(64 * MEBIBYTE, 64 * MEBIBYTE, {
      from: clusterBytes,
      to: clusterBytes + l1Entries * 8,
      word: () => BigInt(l2),
    });
    const header = headerOf({
      clusterBytes,
      l1Entries,
      l1Offset: clusterBytes,
      refcountTableOffset: 36 * MEBIBYTE,
      refcountTableBytes: clusterBytes,
    });
    expect(await requiredBytes(file, header)).toEqual({ ok: true, value: l2 + clusterBytes });
    expect(file.bytesRead).toBe(l1Entries * 8 + 2 * clusterBytes);
  });

  test('of tables in holes, terabytes of them, is given up', async () => {
    const clusterBytes = 2 * MEBIBYTE;
    const l1Entries = 4 * MEBIBYTE;
    const begin = 64 * MEBIBYTE;
    // Each entry names a table of its own, all of it hole.
    const file = new FileInMemory(16 * TEBIBYTE, MEBIBYTE, {
      from: clusterBytes,
      to: clusterBytes + l1Entries * 8,
      word: (offset) => BigInt(begin + ((offset - clusterBytes) / 8) * clusterBytes),
    });
    const header = headerOf({
      clusterBytes,
      l1Entries,
      l1Offset: clusterBytes,
      refcountTableOffset: 48 * MEBIBYTE,
      refcountTableBytes: clusterBytes,
    });
    expect(await requiredBytes(file, header)).toMatchObject({
      ok: false,
      failure: { reason: 'DiskHeaderInvalid', message: expect.stringContaining('more tables than') },
    });
    expect(file.bytesRead).toBeLessThanOrEqual(2 * clusterBytes + 65 * MEBIBYTE);
  });

  test('with 65,536 internal snapshots that share one large table is given up', async () => {
    const l1Entries = 4 * MEBIBYTE;
    const table = MEBIBYTE;
    const list = 40 * MEBIBYTE;
    const word = (offset: number) => {
      const field = (offset - list) % 40;
      if (field === 0) return BigInt(table);
      return field === 8 ? BigInt(l1Entries) << 32n : 0n;
    };
    const file = new FileInMemory(64 * MEBIBYTE, 4 * MEBIBYTE, { from: list, to: 64 * MEBIBYTE, word });
    const header = headerOf({ snapshotCount: 65_536, snapshotsOffset: list });
    expect(await requiredBytes(file, header)).toMatchObject({ ok: false, failure: { reason: 'DiskHeaderInvalid' } });
    expect(file.bytesRead).toBeLessThanOrEqual(70 * MEBIBYTE);
  });

  test('of more clusters than qemu-img could count in memory is refused unread', async () => {
    const file = new FileInMemory(TEBIBYTE, 0, NOTHING);
    const header = headerOf({ clusterBytes: 512, l1Entries: 64 * KIBIBYTE });
    expect(await requiredBytes(file, header)).toMatchObject({ ok: false, failure: { reason: 'DiskTooManyClusters' } });
    expect(file.reads).toBe(0);
  });

  test('with an L2 table in the middle of a cluster is damaged', async () => {
    const file = new FileInMemory(MEBIBYTE, MEBIBYTE, {
      from: 64 * KIBIBYTE,
      to: 64 * KIBIBYTE + 8,
      word: () => 0x40200n,
    });
    expect(await requiredBytes(file, headerOf({}))).toMatchObject({ ok: false });
  });
});

/** Words as they stand in tables, and as they don't: nothing, places in the file and out of it, every flag. */
const word = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0n) },
  { weight: 3, arbitrary: fc.nat({ max: 64 }).map((cluster) => BigInt(cluster) << 12n) },
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.nat({ max: 64 }).map((cluster) => (1n << 62n) | (BigInt(cluster) << 12n)),
);

const shape = fc.record({
  clusterBytes: fc.constantFrom(512, 4 * KIBIBYTE, 64 * KIBIBYTE),
  fileClusters: fc.integer({ min: 8, max: 64 }),
  snapshotCount: fc.nat({ max: 100 }),
  extendedL2: fc.boolean(),
  l1Entries: fc.integer({ min: 1, max: 64 }),
  virtualBytes: fc.integer({ min: 512, max: GIBIBYTE }),
});

test('whatever the tables hold, nothing out of the file is read, and no more than the file has', async () => {
  await fc.assert(
    fc.asyncProperty(shape, fc.array(word, { minLength: 1, maxLength: 64 }), async (given, words) => {
      const { clusterBytes, fileClusters, snapshotCount } = given;
      const size = fileClusters * clusterBytes;
      const file = new FileInMemory(size, size, {
        from: 0,
        to: size,
        word: (offset) => words[(offset / 8) % words.length] ?? 0n,
      });
      const header = headerOf({
        ...given,
        extendedL2: given.extendedL2 && clusterBytes >= 16 * KIBIBYTE,
        l1Offset: clusterBytes,
        refcountTableOffset: 2 * clusterBytes,
        refcountTableBytes: clusterBytes,
        snapshotsOffset: 3 * clusterBytes,
      });
      const result = await requiredBytes(file, header);
      if (result.ok) expect(result.value).toBeGreaterThanOrEqual(0);
      else expect(result.failure.message).not.toBe('');
      // All of the file's clusters as L2 tables once, the other tables, and an L1 table for each snapshot.
      const others = clusterBytes + 512 + 40 * snapshotCount;
      const l1OfSnapshots = 64 * MEBIBYTE + size + Math.ceil(GIBIBYTE / clusterBytes) * 16;
      expect(file.bytesRead).toBeLessThanOrEqual(size + others + (snapshotCount > 0 ? l1OfSnapshots : 0));
    }),
    { numRuns: 200 },
  );
});
