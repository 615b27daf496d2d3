import path from 'node:path';
import { isRecordedFile } from '../disk/identity.ts';
import { readRecord } from '../disk/record.ts';
import type { Volume } from '../disk/volume.ts';
import type { VolumeFiles } from '../disk/volume-files.ts';

/**
 * Ends what a crash in the middle of {@link publish} left: a `disk.json.next` with the inode of the disk that is there
 * becomes its record, any other is removed. Without this, a crash between the two steps would make a disk of ours
 * look like one that the user put there. The caller holds the lock.
 */
export async function recoverPublication(
  files: VolumeFiles,
  volume: Volume,
): Promise<'Completed' | 'Removed' | 'LeftToNewerRelease' | 'None'> {
  const next = await readRecord(files, volume.nextRecord);
  if (next.kind === 'Absent') return 'None';
  // That release's disk may be in place already; look-alikes of a record are nothing to guess about.
  if (next.kind === 'Newer') return 'LeftToNewerRelease';
  const disk = await files.facts(volume.disk);
  if (next.kind === 'Record' && disk !== undefined && isRecordedFile(next.record, disk)) {
    // The disk's name must be durable before its record is.
    await files.syncFolder(path.dirname(volume.disk));
    await files.rename(volume.nextRecord, volume.record);
    await files.syncFolder(volume.folder);
    return 'Completed';
  }
  await files.remove(volume.nextRecord);
  await files.syncFolder(volume.folder);
  return 'Removed';
}
