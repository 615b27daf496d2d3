import path from 'node:path';
import { takeLock } from '../../disk/lock.ts';
import type { Volume } from '../../disk/volume.ts';
import type { VolumeFiles } from '../../disk/volume-files.ts';
import type { Clock } from '../../environment.ts';
import type { Failure } from '../../failure.ts';
import { closeParcel, PARTIAL_NAME, type Parcel, readParcel } from '../../import/inbox.ts';
import type { DiskSource, StageResult } from './source.ts';

const GOODBYE_MILLISECONDS = 5000;
const LOOK_MILLISECONDS = 50;

/** A disk that a person brings: `loco-agent import` stages it, and the parcel in the inbox tells of it. */
export function importSource(
  files: VolumeFiles,
  volume: Volume,
  clock: Clock,
  /** The line to paste. */
  command: string,
): DiskSource {
  return {
    name: 'Import',
    stage: async () => {
      const parcel = await readParcel(files, volume);
      return parcel === undefined ? awaiting(command) : open(files, volume, parcel);
    },
    settle: async (disk, refused) => {
      const parcel = await readParcel(files, volume);
      if (parcel === undefined || parcel.id !== disk.id) return;
      await closeParcel(files, volume, parcel, refused);
      await letSpeak(volume, clock);
    },
  };
}

function awaiting(command: string): StageResult {
  return {
    kind: 'Waiting',
    phase: 'AwaitingDisk',
    failure: { reason: 'ImportNeeded', message: `Waiting for a disk. Give it your own: ${command}` },
  };
}

async function open(files: VolumeFiles, volume: Volume, parcel: Parcel): Promise<StageResult> {
  const file = path.join(volume.staging, parcel.file);
  const facts = await files.facts(file);
  if (facts === undefined || facts.inode !== parcel.inode || facts.sizeBytes !== parcel.sizeBytes) {
    const failure: Failure = {
      reason: 'ImportLost',
      message: 'The imported file is not there as it was handed in. Import again.',
    };
    await closeParcel(files, volume, parcel, failure);
    return { kind: 'Failed', failure };
  }
  const { id, sizeBytes, sha256 } = parcel;
  const source = { description: 'imported from standard input' };
  return { kind: 'Staged', disk: { path: file, sizeBytes, sha256, origin: 'Imported', source, id } };
}

/** The import runs beside us in this container and ends with it: wait until it has told its person (it holds a lock). */
async function letSpeak(volume: Volume, clock: Clock): Promise<void> {
  const end = clock.now() + GOODBYE_MILLISECONDS;
  while (clock.now() < end) {
    const attempt = await takeLock(volume.importLock, { name: 'prepare', since: new Date(clock.now()).toISOString() });
    if (attempt.kind === 'Held') await attempt.lock.release();
    if (attempt.kind !== 'Busy') return;
    await clock.sleep(LOOK_MILLISECONDS);
  }
}

/** Bytes that an import has received so far; undefined while none runs. */
export async function importProgress(files: VolumeFiles, volume: Volume): Promise<number | undefined> {
  for (const name of await files.list(volume.staging)) {
    if (PARTIAL_NAME.test(name)) return (await files.facts(path.join(volume.staging, name)))?.sizeBytes;
  }
  return undefined;
}
