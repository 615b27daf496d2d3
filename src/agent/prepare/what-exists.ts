import type { DiskPlan } from '../../contract/disk-plan.ts';
import type { DiskRecord } from '../../contract/disk-record.ts';
import { isRecordedFile, wasWrittenMeanwhile } from '../disk/identity.ts';
import type { RecordRead } from '../disk/record.ts';
import type { FileFacts } from '../disk/volume-files.ts';

/** What is on the volume, as far as names, times and the record tell. */
export type Finding =
  /** Nothing is decided about a disk whose record isn't understood. */
  | { readonly kind: 'NewerRecord'; readonly schemaVersion: number }
  /** No disk; `record` is that of the one that was there before. */
  | { readonly kind: 'Absent'; readonly record?: DiskRecord }
  /** A disk that isn't the recorded one: a copy, a restored backup, a disk of somebody's own. */
  | { readonly kind: 'Foreign'; readonly record?: DiskRecord }
  /** The recorded disk, written to while no machine ran: other content under the same file. */
  | { readonly kind: 'Changed'; readonly record: DiskRecord }
  /** An Ephemeral machine's disk that wasn't left clean. */
  | { readonly kind: 'Refill' }
  | { readonly kind: 'Recorded'; readonly record: DiskRecord };

/** Decides, in this order, what the volume holds. `disk` is undefined when no file has the disk's name. */
export function whatExists(mode: DiskPlan['mode'], disk: FileFacts | undefined, read: RecordRead): Finding {
  if (read.kind === 'Newer') return { kind: 'NewerRecord', schemaVersion: read.schemaVersion };
  const record = read.kind === 'Record' ? read.record : undefined;
  const known = record === undefined ? {} : { record };
  if (disk === undefined) return { kind: 'Absent', ...known };
  if (record === undefined || !isRecordedFile(record, disk)) return { kind: 'Foreign', ...known };
  if (wasWrittenMeanwhile(record, disk)) return { kind: 'Changed', record };
  // What somebody put on the volume is kept even here, for as long as the volume lives.
  if (mode === 'Ephemeral' && record.origin !== 'Imported' && !leftClean(record)) return { kind: 'Refill' };
  return { kind: 'Recorded', record };
}

/** Whether the disk is as a guest that shut down left it, or as it was published. */
export function leftClean(record: DiskRecord): boolean {
  return record.state === 'Prepared' || (record.state === 'Stopped' && record.lastStop?.kind !== 'Unclean');
}
