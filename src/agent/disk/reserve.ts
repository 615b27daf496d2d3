import { messageOf } from '../failure.ts';
import { type Space, spaceOf } from './space.ts';
import type { Volume } from './volume.ts';
import type { VolumeFiles } from './volume-files.ts';

const MEBIBYTE = 1024 ** 2;
const LARGEST_BYTES = 32 * MEBIBYTE;
const SMALLEST_BYTES = 4 * MEBIBYTE;
const SHARE_OF_VOLUME = 64;

/** Some records of a few KiB, with the blocks of their folder. */
const RECORD_BYTES = 256 * 1024;

/** What is left to the guest on a volume that is nearly full: with less, it would be paused as soon as it starts. */
const LEFT_TO_GUEST_BYTES = 8 * MEBIBYTE;

/** How large the reserve of a volume is: 32 MiB, or 1/64 of a smaller volume, at least 4 MiB. Whole MiB, in bytes. */
export function reserveBytes(totalBytes: number): number {
  const share = Math.floor(totalBytes / SHARE_OF_VOLUME / MEBIBYTE) * MEBIBYTE;
  return Math.min(LARGEST_BYTES, Math.max(SMALLEST_BYTES, share));
}

/**
 * The size that the reserve should have now, in bytes; what it has when there is no room for more. On a volume that is
 * nearly full it is smaller than {@link reserveBytes}: a small one is better than none, and the guest needs room too.
 */
export function affordableReserve(heldBytes: number, space: Space): number {
  const room = Math.floor((heldBytes + space.freeBytes - LEFT_TO_GUEST_BYTES) / MEBIBYTE) * MEBIBYTE;
  const affordable = Math.min(reserveBytes(space.totalBytes), room);
  return affordable < SMALLEST_BYTES ? heldBytes : Math.max(heldBytes, affordable);
}

/** What became of the reserve: there already, made or enlarged, or no room for it (and why). */
export type ReserveOutcome =
  | { readonly kind: 'Kept' | 'Made'; readonly sizeBytes: number }
  | { readonly kind: 'NoRoom'; readonly message: string };

/**
 * Keeps `.loco/reserve`, ballast that {@link releaseReserve} gives back so that a guest on a full volume can still
 * write what it must to shut down. A convenience: never throws, and a start without it goes on. It isn't made durable,
 * since every start makes it again. The caller holds the volume's lock.
 */
export async function ensureReserve(files: VolumeFiles, volume: Volume): Promise<ReserveOutcome> {
  try {
    await ensureRecordReserve(files, volume);
  } catch (error) {
    // What is held stays held: the guest needs it more than ever.
    return { kind: 'NoRoom', message: messageOf(error) };
  }
  try {
    const held = (await files.facts(volume.reserve))?.sizeBytes ?? 0;
    const wanted = affordableReserve(held, await spaceOf(volume.root));
    if (wanted === 0) return { kind: 'NoRoom', message: 'the volume is nearly full' };
    if (wanted === held) return { kind: 'Kept', sizeBytes: held };
    await files.fill(volume.reserve, held, wanted);
    return { kind: 'Made', sizeBytes: wanted };
  } catch (error) {
    // Half of it, in the last free block of the volume, helps nobody.
    return { kind: 'NoRoom', message: await releaseReserve(files, volume).then(() => messageOf(error), messageOf) };
  }
}

async function ensureRecordReserve(files: VolumeFiles, volume: Volume): Promise<void> {
  const held = (await files.facts(volume.recordReserve))?.sizeBytes ?? 0;
  if (held < RECORD_BYTES) await files.fill(volume.recordReserve, held, RECORD_BYTES);
}

/**
 * Before a start on a full volume: gives the reserve back, since records must be written; what the guest can spare is
 * taken again by {@link ensureReserve}. The caller holds the volume's lock.
 */
export async function makeRoomToStart(files: VolumeFiles, volume: Volume): Promise<void> {
  const { freeBytes } = await spaceOf(volume.root);
  if (freeBytes < LEFT_TO_GUEST_BYTES) await releaseReserve(files, volume);
}

/**
 * Gives the reserve's room back; nothing there is fine. What is kept for the record stays: the guest may take all of
 * this, and the record comes last. The caller holds the volume's lock.
 */
export async function releaseReserve(files: VolumeFiles, volume: Volume): Promise<void> {
  await files.remove(volume.reserve);
}
