import { open, stat } from 'node:fs/promises';
import type { DiskConsistency } from '../../oci/disk-artifact.ts';
import type { RegistryAccess } from '../../oci/oras.ts';
import { type DiskFacts, type PushedDisk, type PushProgress, pushDisk } from '../../oci/push-disk.ts';
import { isRecordedFile, wasWrittenMeanwhile } from '../disk/identity.ts';
import { inspectDisk } from '../disk/inspect.ts';
import type { Qcow2Header } from '../disk/qcow2-header.ts';
import { readRecord } from '../disk/record.ts';
import { volumeOf } from '../disk/volume.ts';
import { volumeFiles } from '../disk/volume-files.ts';
import { type Failure, failed, messageOf, type Result, success } from '../failure.ts';
import { qcow2Guest } from './qcow2-guest.ts';

export interface PublishOptions {
  /** Path of the qcow2 file. */
  readonly disk: string;
  /** `registry/repository:tag`. */
  readonly reference: string;
  readonly access: RegistryAccess;
  readonly qemuImg: string;
  /** Lines for a person. */
  readonly say: (line: string) => void;
  readonly onProgress: (progress: PushProgress, totalBytes: number) => void;
}

/**
 * `loco-agent publish`: makes a disk artifact of a qcow2 file and pushes it. The file is only read; one that QEMU has
 * open is refused, and so is one that changes meanwhile, before the tag is set.
 */
export async function publishDisk(options: PublishOptions): Promise<Result<PushedDisk>> {
  const { disk, access, qemuImg, say } = options;
  const before = await stampOf(disk);
  if (!before.ok) return before;
  say(`Checking ${disk}.`);
  const header = await inspectDisk(qemuImg, disk, access.signal);
  access.signal?.throwIfAborted();
  if (!header.ok) return { ok: false, failure: explainInspection(header.failure, disk) };
  if (header.value.dirty) return refuseDirty(disk);
  if (header.value.snapshotCount > 0) {
    say(`Its ${header.value.snapshotCount} internal snapshots stay here: what the guest sees now is published.`);
  }
  const facts = await factsOf(disk, before.value.modifiedAt);
  if (facts.consistency === 'Unclean') {
    say('Its guest was not shut down: machines made from it will check their disk when they start.');
  }
  return push(options, header.value, facts, before.value.text);
}

async function push(
  { disk, reference, access, onProgress }: PublishOptions,
  header: Qcow2Header,
  facts: DiskFacts,
  stamp: string,
): Promise<Result<PushedDisk>> {
  const file = await open(disk, 'r');
  try {
    return await pushDisk({
      reference,
      disk: qcow2Guest(file, header),
      facts,
      access,
      onProgress: (progress) => onProgress(progress, header.virtualBytes),
      unchanged: async () => {
        const after = await stampOf(disk);
        return after.ok && after.value.text === stamp;
      },
    });
  } catch (error) {
    if (access.signal?.aborted) throw error;
    return failed('DiskUnreadable', `${disk} can't be read: ${messageOf(error)}. Nothing was published.`);
  } finally {
    await file.close();
  }
}

interface Stamp {
  readonly modifiedAt: number;
  /** Another one when the file was written to or replaced. */
  readonly text: string;
}

async function stampOf(disk: string): Promise<Result<Stamp>> {
  try {
    const { mtimeNs, size, ino, dev } = await stat(disk, { bigint: true });
    return success({ modifiedAt: Number(mtimeNs / 1_000_000n), text: `${dev}:${ino}:${size}:${mtimeNs}` });
  } catch (error) {
    return failed('DiskUnreadable', `${disk} can't be read: ${messageOf(error)}.`);
  }
}

/** qemu-img takes QEMU's own lock on the file for its check. */
function explainInspection(failure: Failure, disk: string): Failure {
  if (failure.reason !== 'DiskCheckFailed' || !/using the image|lock/i.test(failure.message)) return failure;
  const message = `A running machine has ${disk} open. Shut it down first, or publish a copy that was made while it was off.`;
  return { reason: 'DiskInUse', message };
}

function refuseDirty(disk: string) {
  return failed(
    'DiskDirty',
    `QEMU did not close ${disk} (lazy refcounts). Repair it first: qemu-img check -r all -f qcow2 ${disk}`,
  );
}

/** A machine's own disk has a record beside it, which tells where it came from and how its guest left it. */
async function factsOf(disk: string, createdAt: number): Promise<DiskFacts> {
  const read = await readRecord(volumeFiles, volumeOf(disk).record);
  const file = await volumeFiles.facts(disk);
  const isKnown =
    read.kind === 'Record' &&
    file !== undefined &&
    isRecordedFile(read.record, file) &&
    !wasWrittenMeanwhile(read.record, file);
  if (!isKnown) return { createdAt, consistency: 'Unknown' };
  const { source, sha256, lastStop, state } = read.record;
  // A disk that was checked after a crash is `Prepared` again, and its guest's file system is still as the crash left it.
  const consistency: DiskConsistency = state !== 'Running' && lastStop?.kind !== 'Unclean' ? 'Clean' : 'Unclean';
  return { createdAt, consistency, sourceDigest: source.digest ?? `sha256:${sha256}` };
}
