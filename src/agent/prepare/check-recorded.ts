import type { DiskRecord } from '../../contract/disk-record.ts';
import { identityOf } from '../disk/identity.ts';
import { readHeaderOf, readWholeHeader, requiredLength } from '../disk/inspect.ts';
import type { Qcow2Header } from '../disk/qcow2-header.ts';
import { checkDisk, repairLeaks } from '../disk/qemu-img.ts';
import { writeRecord } from '../disk/record.ts';
import type { FileFacts } from '../disk/volume-files.ts';
import { failed, type Result, success } from '../failure.ts';
import { isAtRest } from './at-rest.ts';
import type { PrepareContext } from './context.ts';
import { leftClean } from './what-exists.ts';

/**
 * The fast path for a disk with a record: header, and whether the file is as long as its tables say (qemu-img check
 * calls a cut one sound); after anything but a clean stop also `qemu-img check`. The record says that the stop was
 * unclean until that check is done, so a check that is killed is done again.
 *
 * After a power cut the tables may refer to clusters behind the file's end: the host had stored the table and not yet
 * the file's new length. Those are the guest's last writes, of which it was never told that they were done; QEMU reads
 * zeros there. A file that is shorter than when it was published was cut by something else.
 */
export async function checkRecorded(
  context: PrepareContext,
  record: DiskRecord,
  disk: FileFacts,
): Promise<Result<DiskRecord>> {
  const mayLackLastWrites = !leftClean(record) && disk.sizeBytes >= record.sizeBytes;
  const header = await (mayLackLastWrites ? readHeaderOf : readWholeHeader)(context.volume.disk);
  if (!header.ok) return header;
  if (header.value.virtualBytes < record.virtualSizeBytes) {
    return failed(
      'DiskShrunk',
      `The disk had ${record.virtualSizeBytes} bytes for the guest and has ${header.value.virtualBytes}.`,
    );
  }
  if (mayLackLastWrites) await restoreLength(context, record, disk, header.value);
  if (!leftClean(record)) return checkTables(context, record, 'The machine was not shut down cleanly');
  // A qcow2 file that is in use only grows.
  if (disk.sizeBytes < record.sizeBytes) return checkTables(context, record, "The disk's file is shorter than it was");
  return success(record);
}

/** As much as a guest may have written in the moments before a power cut. A file that lacks more was cut otherwise. */
const LAST_WRITES_BYTES = 4 * 1024 ** 2;

/**
 * Makes a file as long as its tables say, with zeros as QEMU reads them there: qemu-img check calls whole clusters behind
 * the end of the file damage. A file that was written to just now may be somebody's copy that is coming in.
 */
async function restoreLength(
  context: PrepareContext,
  record: DiskRecord,
  disk: FileFacts,
  header: Qcow2Header,
): Promise<void> {
  const { files, volume, clock, log } = context;
  const required = (await requiredLength(volume.disk, header)) ?? 0;
  const missingBytes = required - disk.sizeBytes;
  if (missingBytes <= 0 || missingBytes > LAST_WRITES_BYTES || !isAtRest(disk, clock.now())) return;
  await announceWrite(context, record);
  await files.lengthen(volume.disk, required);
  await files.syncFile(volume.disk);
  log.warn({ missingBytes }, "The guest's last writes never reached the disk's file: there are zeros in their place");
}

/**
 * Before the disk is written to here: a record with the time of the last write would make our own write somebody else's
 * when it isn't followed by the next record.
 */
async function announceWrite({ files, volume }: PrepareContext, record: DiskRecord): Promise<void> {
  const { modifiedTime, ...untimed } = record;
  if (modifiedTime !== undefined) await writeRecord(files, volume, untimed);
}

async function checkTables(context: PrepareContext, record: DiskRecord, why: string): Promise<Result<DiskRecord>> {
  const { volume, files, clock, programs, signal, report, log } = context;
  report.update({ phase: 'Preparing', message: `${why}: its disk is checked.` });
  log.info({ lastStop: record.lastStop, state: record.state }, `${why}: checking the disk`);
  const check = await checkDisk(programs.qemuImg, volume.disk, signal);
  if (!check.ok) return check;
  if (check.value.kind === 'Corrupt') return corrupt(check.value.message);
  let result: NonNullable<DiskRecord['lastCheck']>['result'] = 'Ok';
  if (check.value.kind === 'Leaks') {
    await announceWrite(context, record);
    const repaired = await repairLeaks(programs.qemuImg, volume.disk, signal);
    if (!repaired.ok) return repaired;
    if (repaired.value.kind === 'Corrupt') return corrupt(repaired.value.message);
    // Leaks that stay cost room and nothing else.
    if (repaired.value.kind === 'Ok') result = 'LeaksRepaired';
    await files.syncFile(volume.disk);
  }
  const facts = await files.facts(volume.disk);
  const at = new Date(clock.now()).toISOString();
  const checked: DiskRecord = {
    ...record,
    ...(facts === undefined ? {} : identityOf(facts)),
    state: 'Prepared',
    lastCheck: { at, result },
    ...(record.state === 'Running' ? { lastStop: neverEnded(at) } : {}),
  };
  await writeRecord(files, volume, checked);
  return success(checked);
}

function corrupt(message: string) {
  return failed('DiskCorrupt', `qemu-img check found damage: ${message}`);
}

function neverEnded(at: string): NonNullable<DiskRecord['lastStop']> {
  return {
    kind: 'Unclean',
    at,
    message: 'The machine was running and nobody recorded its end: killed, or the node failed.',
  };
}
