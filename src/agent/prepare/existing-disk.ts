import path from 'node:path';
import type { DiskPlan } from '../../contract/disk-plan.ts';
import type { DiskRecord } from '../../contract/disk-record.ts';
import { readRecord } from '../disk/record.ts';
import type { FileFacts } from '../disk/volume-files.ts';
import type { Failure, Result } from '../failure.ts';
import { adoptDisk } from './adopt.ts';
import { checkRecorded } from './check-recorded.ts';
import type { PrepareContext } from './context.ts';
import { DAMAGE } from './damage.ts';
import { type Legacy, legacyOf } from './legacy.ts';
import { whatExists } from './what-exists.ts';

/** What is on the volume before anything is prepared. */
export type ExistingDisk =
  | { readonly kind: 'Absent'; readonly legacy: Legacy }
  | { readonly kind: 'Usable'; readonly record: DiskRecord }
  /** An Ephemeral machine's disk that wasn't left clean. */
  | { readonly kind: 'Refill' }
  /** The disk of this record, broken; `isChanged` when somebody else wrote to it. */
  | {
      readonly kind: 'Damaged';
      readonly record: DiskRecord;
      readonly isChanged: boolean;
      /** Of the file before it was looked at. */
      readonly facts: FileFacts;
      readonly failure: Failure;
    }
  | { readonly kind: 'Unusable'; readonly failure: Failure };

/** Step 2: judges the disk and its record. A verified disk always wins; what isn't ours is never overwritten. */
export async function lookAtDisk(context: PrepareContext, plan: DiskPlan): Promise<ExistingDisk> {
  const { files, volume } = context;
  const disk = await files.facts(volume.disk);
  const found = whatExists(plan.mode, disk, await readRecord(files, volume.record));
  switch (found.kind) {
    case 'NewerRecord':
      return { kind: 'Unusable', failure: newerRecord(found.schemaVersion) };
    case 'Refill':
      return found;
    case 'Absent':
      if (await isNameTaken(context)) return { kind: 'Unusable', failure: leadsNowhere(volume.disk) };
      return { kind: 'Absent', legacy: await legacyOf(context, plan, found.record) };
  }
  // Never without a file: it is there for all that are left.
  if (disk === undefined) throw new Error(`a disk was judged that is not there (${found.kind})`);
  if (found.kind === 'Foreign') {
    const legacy = await legacyOf(context, plan, found.record);
    const adopted = await adoptDisk(context, disk, legacy, 'found on the volume');
    if (adopted.ok) return { kind: 'Usable', record: adopted.value };
    return { kind: 'Unusable', failure: leftAsItIs(volume.disk, adopted.failure) };
  }
  const { record } = found;
  const isChanged = found.kind === 'Changed';
  const checked = await (isChanged ? adoptChanged(context, plan, record, disk) : checkRecorded(context, record, disk));
  if (checked.ok) return { kind: 'Usable', record: checked.value };
  const { failure } = checked;
  if (!DAMAGE.has(failure.reason)) return { kind: 'Unusable', failure };
  return { kind: 'Damaged', record, isChanged, facts: disk, failure };
}

/** Content that nobody of ours wrote, where the recorded disk was: as good as another disk. */
async function adoptChanged(
  context: PrepareContext,
  plan: DiskPlan,
  record: DiskRecord,
  disk: FileFacts,
): Promise<Result<DiskRecord>> {
  const description = `changed on the volume while no machine ran (was: ${record.source.description})`.slice(0, 500);
  return adoptDisk(context, disk, await legacyOf(context, plan, record), description);
}

/** A name without a file that could be read: a link that leads nowhere. */
async function isNameTaken({ files, volume }: PrepareContext): Promise<boolean> {
  return (await files.list(volume.root)).includes(path.basename(volume.disk));
}

function leftAsItIs(disk: string, { reason, message }: Failure): Failure {
  // It may be taken yet.
  if (reason === 'DiskChanging') return { reason, message };
  return { reason, message: `The disk that was found at ${disk} can't be used, and is left as it is. ${message}` };
}

function leadsNowhere(disk: string): Failure {
  return {
    reason: 'DiskNotAFile',
    message: `${disk} is a link that leads nowhere. Put the disk image itself there, or remove the link.`,
  };
}

function newerRecord(schemaVersion: number): Failure {
  return {
    reason: 'RecordFromNewerRelease',
    message: `The disk's record has schema version ${schemaVersion}, written by a newer release. Use an image of that release or later.`,
  };
}
