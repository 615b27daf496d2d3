import type { DiskRecord } from '../../contract/disk-record.ts';
import type { HeldLock } from './lock.ts';
import { writeRecord } from './record.ts';
import type { Volume } from './volume.ts';
import type { VolumeFiles } from './volume-files.ts';

export type RecordChange = Partial<Pick<DiskRecord, 'hardware' | 'state' | 'lastStop' | 'lastCheck'>>;

/** A verified disk under the lock of its volume. */
export interface OpenDisk {
  readonly path: string;
  readonly record: DiskRecord;
  /** Give it to QEMU as an inherited descriptor: the lock then lives as long as QEMU, even if this process is killed. */
  readonly lockDescriptor: number;
  /** Replaces the record, durably. */
  update(change: RecordChange): Promise<void>;
  /** Releases the lock; the last thing to do. */
  close(): Promise<void>;
}

export function createOpenDisk(files: VolumeFiles, volume: Volume, lock: HeldLock, initial: DiskRecord): OpenDisk {
  let record = initial;
  // One after the other: two writers of one staged name would mix.
  let last: Promise<void> = Promise.resolve();
  return {
    path: volume.disk,
    lockDescriptor: lock.descriptor,
    get record() {
      return record;
    },
    update: (change) => {
      const next = last.then(async () => {
        const settled = change.state === undefined || change.state === 'Running' ? {} : await settle(files, volume);
        const changed = { ...record, ...change, ...settled };
        await writeRecord(files, volume, changed);
        record = changed;
      });
      last = next.catch(() => undefined);
      return next;
    },
    close: async () => {
      await last;
      await lock.release();
    },
  };
}

/**
 * A record that says that QEMU ended must be true of what lies on the disk, and carries the time of the last write, by
 * which the next start sees whether somebody else wrote to the disk meanwhile. QEMU may have written to a disk whose
 * guest never ran.
 */
async function settle(files: VolumeFiles, volume: Volume): Promise<Pick<DiskRecord, 'modifiedTime'>> {
  // Somebody may have removed the disk under its machine; how that ended is written down all the same.
  if ((await files.facts(volume.disk)) === undefined) return {};
  await files.syncFile(volume.disk);
  const facts = await files.facts(volume.disk);
  return facts === undefined ? {} : { modifiedTime: facts.modifiedTime };
}
