import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DiskRecord, diskRecordSchema } from '../../contract/disk-record.ts';
import { parseRecord, recordText, reportedDisk } from './record.ts';

const RECORD: DiskRecord = {
  schemaVersion: 1,
  id: '6b1f0f4e-7e59-4a0c-9c0e-0d7f6f6f2b11',
  inode: 12,
  sizeBytes: 1000,
  sha256: 'a'.repeat(64),
  virtualSizeBytes: 2000,
  origin: 'Snapshot',
  source: { description: 'snapshot', reference: 'r/x:y', digest: `sha256:${'b'.repeat(64)}` },
  preparedAt: '2026-01-02T03:04:05.000Z',
  state: 'Prepared',
};

const stops = fc.record({
  kind: fc.constantFrom('Clean' as const, 'SafeToPowerOff' as const, 'Unclean' as const),
  at: fc.constant('2026-01-02T03:04:05.000Z'),
  message: fc.string(),
});

const nanoseconds = fc.nat().map((time) => `${time}`);
const predecessors = fc.record({
  path: fc.string(),
  reason: fc.string(),
  message: fc.string(),
  at: fc.constant('2026-01-02T03:04:05.000Z'),
});

describe('a record', () => {
  test('reads as it was written', () => {
    const records = fc.record(
      {
        ...Object.fromEntries(Object.entries(RECORD).map(([name, value]) => [name, fc.constant(value)])),
        inode: fc.maxSafeNat(),
        sizeBytes: fc.maxSafeNat(),
        state: fc.constantFrom('Prepared', 'Running', 'Stopped'),
        hardware: fc.record({ machineType: fc.string(), macAddress: fc.string() }),
        lastStop: stops,
        birthTime: nanoseconds,
        modifiedTime: nanoseconds,
        predecessor: predecessors,
      },
      { requiredKeys: Object.keys(RECORD) as never },
    );
    fc.assert(
      fc.property(records, (record) => {
        const valid = diskRecordSchema.parse(record);
        expect(parseRecord(recordText(valid))).toEqual({ kind: 'Record', record: valid });
      }),
    );
  });

  test('that was cut anywhere is unreadable, never another record', () => {
    const text = recordText(RECORD).trimEnd();
    for (let length = 0; length < text.length; length += 1) {
      expect(parseRecord(text.slice(0, length)).kind).toBe('Unreadable');
    }
  });

  test('of a later schema is told from a damaged one', () => {
    expect(parseRecord('{"schemaVersion":2,"id":7}')).toEqual({ kind: 'Newer', schemaVersion: 2 });
    expect(parseRecord('{"schemaVersion":0}').kind).toBe('Unreadable');
  });

  test('of any content never throws', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => parseRecord(text).kind !== undefined));
    for (const text of ['['.repeat(1_000_000), `{"schemaVersion":1e999}`, '{"__proto__":{"schemaVersion":9}}']) {
      expect(parseRecord(text).kind).toBe('Unreadable');
    }
  });

  test('with any field of another kind is refused, and never half taken', () => {
    const fields = fc.constantFrom(...Object.keys(RECORD));
    const others = fc.oneof(fc.constant(null), fc.object(), fc.array(fc.anything()), fc.double({ noInteger: true }));
    fc.assert(
      fc.property(fields, others, (field, value) => {
        const read = parseRecord(JSON.stringify({ ...RECORD, [field]: value }));
        // A source that is an object may be one by chance of the schema's optional fields only with a description.
        if (read.kind === 'Record') expect(diskRecordSchema.safeParse(read.record).success).toBe(true);
        else expect(read.kind).toMatch(/^(Unreadable|Newer)$/);
      }),
    );
  });
});

describe('the report of a disk', () => {
  test("has a snapshot's own digest, and the file's hash otherwise", () => {
    expect(reportedDisk(RECORD).digest).toBe(RECORD.source.digest);
    expect(reportedDisk({ ...RECORD, origin: 'Builtin', source: { description: '' } }).digest).toBe(
      `sha256:${RECORD.sha256}`,
    );
  });
});
