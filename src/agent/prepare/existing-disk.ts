import { open } from 'node:fs/promises';
import type { DiskPlan } from '../../contract/disk-plan.ts';
import type { DiskRecord } from '../../contract/disk-record.ts';
import { readHeaderOf, readWholeHeader } from '../disk/inspect.ts';
import { checkDisk, repairLeaks } from '../disk/qemu-img.ts';
import { readRecord, writeRecord } from '../disk/record.ts';
import type { FileFacts } from '../disk/volume-files.ts';
import { type Failure, failed, type Result, success } from '../failure.ts';
import { adoptDisk } from './adopt.ts';
import type { PrepareContext } from './context.ts';

/** What is on the volume before anything is prepared. */
export type ExistingDisk =
  /** No disk. `hardware` is what the machine had before its disk went away. */
  | { readonly kind: 'Absent'; readonly hardware?: DiskRecord['hardware'] }
  | { readonly kind: 'Usable'; readonly record: DiskRecord }
  /** An Ephemeral machine's disk that wasn't left clean. */
  | { readonly kind: 'Refill' }
  | { readonly kind: 'Unusable'; readonly failure: Failure };

/** Step 2: judges the disk and its record. A verified disk always wins; what isn't ours is never overwritten. */
export async function lookAtDisk(context: PrepareContext, plan: DiskPlan): Promise<ExistingDisk> {
  const { files, volume } = context;
  const disk = await files.facts(volume.disk);
  const read = await readRecord(files, volume.record);
  if (read.kind === 'Newer') return newerRecord(read.schemaVersion);
  const record = read.kind === 'Record' ? read.record : undefined;
  if (disk === undefined) return { kind: 'Absent', ...hardwareOf(plan, record) };
  // A file that isn't the recorded one was put there by somebody: a copy, a restored backup, a disk of their own.
  if (record === undefined || record.inode !== disk.inode) {
    return fromResult(await adoptDisk(context, disk, record?.hardware));
  }
  if (plan.mode === 'Ephemeral' && record.origin !== 'Imported' && !leftClean(record)) return { kind: 'Refill' };
  return fromResult(await checkRecorded(context, record, disk));
}

function newerRecord(schemaVersion: number): ExistingDisk {
  return {
    kind: 'Unusable',
    failure: {
      reason: 'RecordFromNewerRelease',
      message: `The disk's record has schema version ${schemaVersion}, written by a newer release. Use an image of that release or later.`,
    },
  };
}

function hardwareOf(plan: DiskPlan, record: DiskRecord | undefined): { hardware?: DiskRecord['hardware'] } {
  return plan.mode === 'Ephemeral' || record?.hardware === undefined ? {} : { hardware: record.hardware };
}

function fromResult(result: Result<DiskRecord>): ExistingDisk {
  return result.ok ? { kind: 'Usable', record: result.value } : { kind: 'Unusable', failure: result.failure };
}

function leftClean(record: DiskRecord): boolean {
  return record.state === 'Prepared' || (record.state === 'Stopped' && record.lastStop?.kind !== 'Unclean');
}

/**
 * The fast path: inode, header, and whether the file is as long as its tables say (qemu-img check calls a cut one
 * sound); after anything but a clean stop also `qemu-img check`.
 *
 * After a power cut the tables may refer to clusters behind the file's end: the host had stored the table and not yet
 * the file's new length. Those are the guest's last writes, of which it was never told that they were done; QEMU reads
 * zeros there. A file that is shorter than when it was published was cut by something else.
 */
async function checkRecorded(
  context: PrepareContext,
  record: DiskRecord,
  disk: FileFacts,
): Promise<Result<DiskRecord>> {
  const mayLackLastWrites = !leftClean(record) && disk.sizeBytes >= record.sizeBytes;
  const header = await (mayLackLastWrites ? readHeaderOf : readWholeHeader)(context.volume.disk);
  if (!header.ok) return broken(context, header.failure);
  if (header.value.virtualBytes < record.virtualSizeBytes) {
    return broken(context, {
      reason: 'DiskShrunk',
      message: `The disk had ${record.virtualSizeBytes} bytes for the guest and has ${header.value.virtualBytes}.`,
    });
  }
  if (!leftClean(record)) return checkTables(context, record, 'The machine was not shut down cleanly');
  // A qcow2 file that is in use only grows.
  if (disk.sizeBytes < record.sizeBytes) return checkTables(context, record, "The disk's file is shorter than it was");
  return success(record);
}

async function checkTables(context: PrepareContext, record: DiskRecord, why: string): Promise<Result<DiskRecord>> {
  const { programs, volume, signal, clock, report } = context;
  report.update({ message: `${why}: the disk is checked.` });
  const check = await checkDisk(programs.qemuImg, volume.disk, signal);
  if (!check.ok) return check;
  if (check.value.kind === 'Corrupt') {
    return broken(context, { reason: 'DiskCorrupt', message: `qemu-img check found damage: ${check.value.message}` });
  }
  if (check.value.kind === 'Leaks') {
    const repaired = await repairLeaks(programs.qemuImg, volume.disk, signal);
    if (!repaired.ok) return repaired;
    await syncContent(volume.disk);
  }
  const at = new Date(clock.now()).toISOString();
  const checked: DiskRecord = {
    ...record,
    state: 'Prepared',
    lastCheck: { at, result: check.value.kind === 'Leaks' ? 'LeaksRepaired' : 'Ok' },
    ...(record.state === 'Running' ? { lastStop: neverEnded(at) } : {}),
  };
  await writeRecord(context.files, volume, checked);
  return success(checked);
}

function neverEnded(at: string): NonNullable<DiskRecord['lastStop']> {
  return {
    kind: 'Unclean',
    at,
    message: 'The machine was running and nobody recorded its end: killed, or the node failed.',
  };
}

async function syncContent(disk: string): Promise<void> {
  const file = await open(disk, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A disk of ours that is damaged stays where it is: somebody may still get their data out of it. */
function broken({ volume }: PrepareContext, failure: Failure): Result<DiskRecord> {
  return failed(
    failure.reason,
    `${failure.message} The disk ${volume.disk} is left as it is. To get at its data, copy it out and repair the copy (qemu-img check -r all); to start anew, move it away or delete it.`,
  );
}
