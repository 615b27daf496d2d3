import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAXIMUM_VIRTUAL_BYTES, parseQcow2Header } from './qcow2-header.ts';

const FILE_BYTES = 1024 * 1024;

interface Fields {
  readonly u32?: Readonly<Record<number, number>>;
  readonly u64?: Readonly<Record<number, bigint>>;
  readonly u8?: Readonly<Record<number, number>>;
}

/** A sound header (as qemu-img writes it for a disk of 1 GiB), with some fields changed, by their offsets. */
function header({ u32 = {}, u64 = {}, u8 = {} }: Fields = {}): Buffer {
  const bytes = Buffer.alloc(65_536);
  const small = { 0: 0x514649fb, 4: 3, 20: 16, 36: 2, 56: 1, 96: 4, 100: 112, ...u32 };
  const large = { 24: 1024n ** 3n, 40: 0x30000n, 48: 0x10000n, ...u64 };
  for (const [offset, value] of Object.entries(small)) bytes.writeUInt32BE(value, Number(offset));
  for (const [offset, value] of Object.entries(large)) bytes.writeBigUInt64BE(value, Number(offset));
  for (const [offset, value] of Object.entries(u8)) bytes.writeUInt8(value, Number(offset));
  return bytes;
}

function reasonOf(bytes: Buffer, fileBytes = FILE_BYTES): string {
  const parsed = parseQcow2Header(bytes, fileBytes);
  return parsed.ok ? 'ok' : parsed.failure.reason;
}

describe('a header is taken', () => {
  test('in version 3', () => {
    expect(parseQcow2Header(header(), FILE_BYTES)).toMatchObject({
      ok: true,
      value: {
        version: 3,
        clusterBytes: 65_536,
        virtualBytes: 1024 ** 3,
        l1Entries: 2,
        l1Offset: 0x30000,
        dirty: false,
      },
    });
  });

  test.each([
    ['version 2', { u32: { 4: 2 } }],
    ['the largest disk', { u64: { 24: BigInt(MAXIMUM_VIRTUAL_BYTES) }, u32: { 36: 254 } }],
    ['lazy refcounts left dirty', { u64: { 72: 1n } }],
    ['zstd compression', { u64: { 72: 8n }, u8: { 104: 1 } }],
    ['extended L2 entries', { u64: { 72: 16n }, u32: { 36: 4 } }],
    ['compatible features that nobody knows', { u64: { 80: 0xffn, 88: 0xffn } }],
    ['an unknown header extension', { u32: { 112: 0x12345678, 116: 5 } }],
  ] satisfies [string, Fields][])('with %s', (_name, fields) => {
    expect(reasonOf(header(fields))).toBe('ok');
  });
});

describe('a header is refused', () => {
  test.each([
    ['a backing file', 'DiskHasBackingFile', { u64: { 8: 0x200n }, u32: { 16: 11 } }],
    ['a backing file name of no length', 'DiskHasBackingFile', { u64: { 8: 0x200n } }],
    ['an external data file', 'DiskHasExternalData', { u64: { 72: 4n } }],
    ['the name of an external data file', 'DiskHasExternalData', { u32: { 112: 0x44415441, 116: 11 } }],
    ['encryption', 'DiskEncrypted', { u32: { 32: 2 } }],
    ['a header extension for encryption', 'DiskEncrypted', { u32: { 112: 0x0537be77, 116: 16 } }],
    ['an unknown incompatible feature', 'DiskFeatureUnknown', { u64: { 72: 1n << 40n } }],
    ['the corrupt mark', 'DiskCorrupt', { u64: { 72: 2n } }],
    [
      'a disk of more than 127 GiB',
      'DiskTooLarge',
      { u64: { 24: BigInt(MAXIMUM_VIRTUAL_BYTES) + 1n }, u32: { 36: 300 } },
    ],
    ['a disk of nothing', 'DiskHeaderInvalid', { u64: { 24: 0n } }],
    ['an absurd disk', 'DiskTooLarge', { u64: { 24: (1n << 64n) - 1n } }],
    ['clusters of 2 bytes', 'DiskHeaderInvalid', { u32: { 20: 1 } }],
    ['clusters of 4 GiB', 'DiskHeaderInvalid', { u32: { 20: 32 } }],
    ['too small an L1 table', 'DiskHeaderInvalid', { u32: { 36: 1 } }],
    ['a huge L1 table', 'DiskHeaderInvalid', { u32: { 36: 0xffffffff } }],
    ['an L1 table behind the end of the file', 'DiskTruncated', { u64: { 40: 0x100000n } }],
    ['an L1 table in the header', 'DiskHeaderInvalid', { u64: { 40: 0n } }],
    ['no refcount table', 'DiskHeaderInvalid', { u32: { 56: 0 } }],
    ['an absurd count of snapshots', 'DiskHeaderInvalid', { u32: { 60: 0xffffffff } }],
    ['version 4', 'DiskHeaderInvalid', { u32: { 4: 4 } }],
    ['a header of 8 bytes', 'DiskHeaderInvalid', { u32: { 100: 8 } }],
    ['refcounts of 2^7 bits', 'DiskHeaderInvalid', { u32: { 96: 7 } }],
    ['an unknown compression', 'DiskHeaderInvalid', { u64: { 72: 8n }, u8: { 104: 9 } }],
    ['a header extension that leaves the header', 'DiskHeaderInvalid', { u32: { 112: 1, 116: 0xfffffff0 } }],
  ] satisfies [string, string, Fields][])('with %s: %s', (_name, reason, fields) => {
    expect(reasonOf(header(fields))).toBe(reason);
  });

  test.each([
    ['gzip', [0x1f, 0x8b], 'gzip'],
    ['VMDK', [0x4b, 0x44, 0x4d, 0x56], 'VMDK'],
    ['nothing known', [1, 2, 3, 4], 'qemu-img convert -O qcow2'],
  ])('of another format: %s', (_name, start, says) => {
    const parsed = parseQcow2Header(Buffer.concat([Buffer.from(start), Buffer.alloc(600)]), 604);
    expect(parsed).toMatchObject({ ok: false, failure: { reason: 'DiskNotQcow2' } });
    if (!parsed.ok) expect(parsed.failure.message).toContain(says);
  });

  test('at whatever byte it was cut', () => {
    const whole = header();
    for (let length = 4; length < 112; length += 1) {
      expect(reasonOf(whole.subarray(0, length), length), `${length} bytes`).not.toBe('ok');
    }
  });
});

test('no input throws, and what is accepted keeps every promise', () => {
  const offsets = fc.constantFrom(
    0,
    4,
    8,
    12,
    16,
    20,
    24,
    28,
    32,
    36,
    40,
    44,
    48,
    52,
    56,
    60,
    64,
    68,
    72,
    76,
    96,
    100,
    104,
    112,
    116,
  );
  const changes = fc.array(fc.tuple(offsets, fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.nat(64))), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(
      changes,
      fc.integer({ min: 0, max: 4 * FILE_BYTES }),
      fc.integer({ min: 0, max: 65_536 }),
      (fields, fileBytes, length) => {
        const bytes = header({ u32: Object.fromEntries(fields) });
        const parsed = parseQcow2Header(bytes.subarray(0, length), fileBytes);
        if (!parsed.ok) return;
        const { clusterBytes, virtualBytes, l1Entries, l1Offset } = parsed.value;
        expect(bytes.readBigUInt64BE(8)).toBe(0n);
        expect(virtualBytes).toBeGreaterThan(0);
        expect(virtualBytes).toBeLessThanOrEqual(MAXIMUM_VIRTUAL_BYTES);
        expect(clusterBytes).toBeLessThanOrEqual(2 * 1024 * 1024);
        expect(l1Offset + l1Entries * 8).toBeLessThanOrEqual(fileBytes);
      },
    ),
    { numRuns: 2000 },
  );
});
