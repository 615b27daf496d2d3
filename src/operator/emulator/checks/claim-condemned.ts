import type { Observed } from '../observed.ts';
import { REASONS } from '../reasons.ts';
import type { Block } from './block.ts';

/**
 * Is a claim that a machine would mount still to go with a deleted Emulator of this name, which asked for that
 * (`storage.retention.whenDeleted: Delete`)? Taking it over would keep a disk that was to be deleted, and a machine that
 * mounts it would hold up its deletion.
 */
export function checkClaimCondemned({ emulator, claims }: Observed): Block | undefined {
  const claim = claims.find(({ ordinal, condemned }) => condemned && ordinal < emulator.spec.replicas);
  if (claim === undefined) return undefined;
  const message =
    `PersistentVolumeClaim ${claim.name} is being deleted with the Emulator of this name that was there before: its ` +
    'storage.retention.whenDeleted was Delete.';
  return { kind: 'Waiting', reason: REASONS.PredecessorLeaving, message };
}
