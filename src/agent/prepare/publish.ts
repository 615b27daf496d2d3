import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { DiskRecord } from '../../contract/disk-record.ts';
import { identityOf } from '../disk/identity.ts';
import { placeNew } from '../disk/place-new.ts';
import type { Qcow2Header } from '../disk/qcow2-header.ts';
import { recordText } from '../disk/record.ts';
import type { Volume } from '../disk/volume.ts';
import type { FileFacts, VolumeFiles } from '../disk/volume-files.ts';
import type { Clock } from '../environment.ts';
import { failed, type Result, success } from '../failure.ts';
import type { Legacy } from './legacy.ts';
import type { StagedDisk } from './sources/source.ts';

export interface PublishOptions {
  readonly files: VolumeFiles;
  readonly volume: Volume;
  readonly clock: Pick<Clock, 'now'>;
  readonly staged: StagedDisk;
  readonly header: Qcow2Header;
  readonly legacy: Legacy;
}

/**
 * Makes a staged and verified disk the machine's disk. The steps and what a crash after each leaves behind (see
 * recover.ts, which runs at the next start):
 * 1. the staged file is durable, as every source leaves it: nothing is visible yet;
 * 2. `disk.json.next` with the staged file's inode is durable: not the disk's inode, so it is removed;
 * 3. the file has the disk's name too: its inode is the one in `disk.json.next`, which is completed;
 * 4. the folder is durable;
 * 5. `disk.json.next` has the record's name: done. That needn't be durable: under either name it is this disk's.
 * The file's staged name goes with the rest of the staging folder, before the disk is used. A disk that somebody puts
 * there meanwhile, at whatever moment, is never overwritten.
 */
export async function publish(options: PublishOptions): Promise<Result<DiskRecord>> {
  const { files, volume, staged } = options;
  const facts = await files.facts(staged.path);
  if (facts === undefined || facts.sizeBytes !== staged.sizeBytes) {
    return failed('StagedDiskChanged', 'The staged disk changed while it was checked. It is staged again.');
  }
  const record = newRecord(options, facts);
  await files.writeText(volume.nextRecord, recordText(record));
  await files.syncFile(volume.nextRecord);
  await files.syncFolder(volume.folder);
  if (!(await placeNew(files, staged.path, volume.disk))) {
    await files.remove(volume.nextRecord);
    return failed('DiskAppeared', `Somebody put a disk at ${volume.disk} meanwhile. It is looked at instead.`);
  }
  await files.syncFolder(path.dirname(volume.disk));
  await files.rename(volume.nextRecord, volume.record);
  return success(record);
}

function newRecord({ staged, header, clock, legacy }: PublishOptions, facts: FileFacts): DiskRecord {
  return {
    schemaVersion: 1,
    id: staged.id ?? randomUUID(),
    ...identityOf(facts),
    sizeBytes: staged.sizeBytes,
    sha256: staged.sha256,
    virtualSizeBytes: header.virtualBytes,
    origin: staged.origin,
    source: staged.source,
    preparedAt: new Date(clock.now()).toISOString(),
    ...legacy,
    state: 'Prepared',
    lastCheck: { at: new Date(clock.now()).toISOString(), result: 'Ok' },
  };
}
