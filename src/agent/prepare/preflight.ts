import type { DiskPlan } from '../../contract/disk-plan.ts';
import { reserveBytes } from '../disk/reserve.ts';
import { mebibytes, type Space, spaceOf } from '../disk/space.ts';
import type { Volume } from '../disk/volume.ts';
import type { VolumeFiles } from '../disk/volume-files.ts';
import { failed, type Result, success } from '../failure.ts';

/** Something that takes room on the volume while a disk is prepared, with a name that people understand. */
export interface Part {
  readonly name: string;
  readonly bytes: number;
}

/** Room for the file system's own tables, besides the files' data. */
const FILE_SYSTEM_BYTES = 4 * 1024 ** 2;

/**
 * Whether everything that is to lie on the volume at once fits, before anything of it is written: what is given, the
 * part of the reserve that isn't there yet (an Ephemeral machine has none), and the file system's own tables.
 * @param what names the whole to people, as the subject of a sentence
 * @returns a failure `NoSpace` with all the numbers
 */
export async function checkPeak(
  { files, volume }: { readonly files: VolumeFiles; readonly volume: Volume },
  { mode }: Pick<DiskPlan, 'mode'>,
  what: string,
  parts: readonly Part[],
): Promise<Result<undefined>> {
  const space = await spaceOf(volume.root);
  const held = (await files.facts(volume.reserve))?.sizeBytes ?? 0;
  const reserve = mode === 'Ephemeral' ? 0 : Math.max(0, reserveBytes(space.totalBytes) - held);
  return judgePeak(space, what, [...parts, { name: 'the reserve', bytes: reserve }]);
}

/** The decision of {@link checkPeak}, from the numbers alone. */
export function judgePeak(space: Space, what: string, parts: readonly Part[]): Result<undefined> {
  const all = [...parts, { name: "the file system's tables", bytes: FILE_SYSTEM_BYTES }].filter(
    ({ bytes }) => bytes > 0,
  );
  const needed = all.reduce((sum, { bytes }) => sum + bytes, 0);
  if (needed <= space.freeBytes) return success(undefined);
  const listed = all.map(({ name, bytes }) => `${mebibytes(bytes)} for ${name}`).join(', ');
  return failed(
    'NoSpace',
    `${what} needs ${mebibytes(needed)} MiB on the volume (${listed}); ${mebibytes(space.freeBytes)} of ${mebibytes(space.totalBytes)} MiB are free. Make the volume larger by ${mebibytes(needed - space.freeBytes)} MiB or more (storage.size).`,
  );
}

/** What a qcow2 file needs besides the guest's bytes: its tables, and the bits around it on the volume. */
const GROWTH_FACTOR = 1.1;
const GROWTH_BYTES = 16 * 1024 ** 2;

/**
 * Whether a guest may fill its disk without its pod being evicted: Kubernetes ends a pod whose emptyDir holds more
 * than its limit, where a PVC would become full and the guest only be paused.
 * @returns a failure `VolumeTooSmall`
 */
export function checkGrowth(
  { volumeLimitBytes }: Pick<DiskPlan, 'volumeLimitBytes'>,
  virtualBytes: number,
): Result<undefined> {
  if (volumeLimitBytes === undefined || virtualBytes * GROWTH_FACTOR + GROWTH_BYTES <= volumeLimitBytes) {
    return success(undefined);
  }
  const guest = mebibytes(virtualBytes);
  return failed(
    'VolumeTooSmall',
    `The guest can fill its disk to ${guest} MiB, which is more than its Ephemeral volume may hold (${mebibytes(volumeLimitBytes)} MiB): the pod would be evicted. Set storage.size to ${guest}Mi or more.`,
  );
}
