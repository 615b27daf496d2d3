import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diskPlanSchema } from '../../contract/disk-plan.ts';
import { type DiskRecord, diskRecordSchema } from '../../contract/disk-record.ts';
import type { RecordRead } from '../disk/record.ts';
import type { FileFacts } from '../disk/volume-files.ts';
import { leftClean, whatExists } from './what-exists.ts';

const time = fc.constantFrom('1', '2', '3');
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const facts: fc.Arbitrary<FileFacts> = fc
  .record({ inode: fc.nat({ max: 2 }), birthTime: maybe(time), modifiedTime: time, sizeBytes: fc.nat() })
  .map(({ birthTime, ...rest }) => (birthTime === undefined ? rest : { ...rest, birthTime }));

const at = '2026-01-02T03:04:05.000Z';
const record: fc.Arbitrary<DiskRecord> = fc
  .record({
    inode: fc.nat({ max: 2 }),
    birthTime: maybe(time),
    modifiedTime: maybe(time),
    origin: fc.constantFrom(...diskRecordSchema.shape.origin.options),
    state: fc.constantFrom(...diskRecordSchema.shape.state.options),
    stop: fc.constantFrom('Clean', 'SafeToPowerOff', 'Unclean', undefined),
  })
  .map(({ stop, ...fields }) =>
    diskRecordSchema.parse({
      schemaVersion: 1,
      id: '6a1c1a52-6c1e-4f5e-9d5d-0a4b3a1f2c11',
      sizeBytes: 1,
      sha256: '0'.repeat(64),
      virtualSizeBytes: 1,
      source: { description: '' },
      preparedAt: at,
      ...fields,
      ...(stop === undefined ? {} : { lastStop: { kind: stop, at, message: '' } }),
    }),
  );

const read: fc.Arbitrary<RecordRead> = fc.oneof(
  { weight: 5, arbitrary: record.map((known) => ({ kind: 'Record' as const, record: known })) },
  fc.constant({ kind: 'Absent' as const }),
  fc.constant({ kind: 'Newer' as const, schemaVersion: 2 }),
  fc.constant({ kind: 'Unreadable' as const, message: '' }),
);
const mode = fc.constantFrom(...diskPlanSchema.shape.mode.options);

/** Enough runs that each of the few values meets each other. */
const options = { numRuns: 3000 };

describe('what is on a volume', () => {
  test('is made anew only where nobody put it there, nobody changed it, and it is lost by its mode', () => {
    fc.assert(
      fc.property(mode, maybe(facts), read, (given, disk, known) => {
        if (whatExists(given, disk, known).kind !== 'Refill') return;
        expect(given).toBe('Ephemeral');
        if (disk === undefined || known.kind !== 'Record') throw new Error('there is nothing to make anew');
        expect(known.record.inode).toBe(disk.inode);
        expect(known.record.origin).not.toBe('Imported');
        expect(leftClean(known.record)).toBe(false);
      }),
      options,
    );
  });

  test('is absent exactly when no file is there, and never judged by a record from a newer release', () => {
    fc.assert(
      fc.property(mode, maybe(facts), read, (given, disk, known) => {
        const { kind } = whatExists(given, disk, known);
        expect(kind === 'NewerRecord').toBe(known.kind === 'Newer');
        if (known.kind !== 'Newer') expect(kind === 'Absent').toBe(disk === undefined);
      }),
      options,
    );
  });

  test('is the recorded disk only by its inode, its birth where both are known, and its last write if it was stopped', () => {
    fc.assert(
      fc.property(mode, facts, record, (given, disk, known) => {
        const { kind } = whatExists(given, disk, { kind: 'Record', record: known });
        const isBirthKnown = known.birthTime !== undefined && disk.birthTime !== undefined;
        const isSame = known.inode === disk.inode && (!isBirthKnown || known.birthTime === disk.birthTime);
        expect(kind === 'Foreign').toBe(!isSame);
        if (kind === 'Changed') {
          expect(known.state).not.toBe('Running');
          expect(known.modifiedTime).not.toBe(disk.modifiedTime);
        }
        if (kind === 'Recorded' && known.state !== 'Running' && known.modifiedTime !== undefined) {
          expect(known.modifiedTime).toBe(disk.modifiedTime);
        }
      }),
      options,
    );
  });

  test("is somebody else's without a record that can be read", () => {
    fc.assert(
      fc.property(mode, facts, fc.constantFrom('Absent', 'Unreadable'), (given, disk, kind) => {
        expect(whatExists(given, disk, { kind, message: '' } as RecordRead)).toEqual({ kind: 'Foreign' });
      }),
    );
  });
});
