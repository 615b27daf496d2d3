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

/** Bytes that an import has received so far; undefined while none runs. What a killed import left is removed. */
export async function importProgress(
  files: VolumeFiles,
  volume: Volume,
  clock: Pick<Clock, 'now'>,
): Promise<number | undefined> {
  await removeDeadImports(files, volume, clock);
  const [first] = await partialsIn(files, volume);
  return first === undefined ? undefined : (await files.facts(first))?.sizeBytes;
}

/** Removes what killed imports left: it takes room. An import that lives has its lock, one that handed in its parcel. */
export async function removeDeadImports(files: VolumeFiles, volume: Volume, clock: Pick<Clock, 'now'>): Promise<void> {
  if ((await partialsIn(files, volume)).length === 0) return;
  const attempt = await takeLock(volume.importLock, { name: 'prepare', since: new Date(clock.now()).toISOString() });
  if (attempt.kind !== 'Held') return;
  try {
    if ((await readParcel(files, volume)) !== undefined) return;
    for (const partial of await partialsIn(files, volume)) await files.remove(partial);
  } finally {
    await attempt.lock.release();
  }
}

async function partialsIn(files: VolumeFiles, volume: Volume): Promise<string[]> {
  const names = await files.list(volume.staging);
  return names.filter((name) => PARTIAL_NAME.test(name)).map((name) => path.join(volume.staging, name));
}
