import type { DiskPlan } from '../../contract/disk-plan.ts';
import type { DiskOrigin } from '../../contract/disk-record.ts';
import type { Reason } from '../../contract/reason.ts';
import type { Failure } from '../failure.ts';

/**
 * Reasons that say that a disk is broken. Not among them: what could not be read or checked, which may work the next
 * time, and what a sound image may be made to be (an overlay, encrypted, too large), which is somebody's doing.
 */
export const DAMAGE: ReadonlySet<Reason> = new Set([
  'DiskCorrupt',
  'DiskTruncated',
  'DiskHeaderInvalid',
  'DiskNotQcow2',
  'DiskShrunk',
]);

/** What becomes of a machine's own disk that is broken. */
export type DamageDecision =
  /** It stays where it is, and a person decides. */
  | { readonly kind: 'Leave'; readonly failure: Failure }
  /** It goes into quarantine, and the sources are gone through. */
  | { readonly kind: 'Quarantine' }
  /** An Ephemeral machine's disk is made anew anyway, and its volume has no room for two. */
  | { readonly kind: 'Refill' };

export interface DamagedDisk {
  readonly path: string;
  readonly origin: DiskOrigin;
  /** Somebody else wrote to it while no machine ran. */
  readonly isChanged: boolean;
  /** Its name is a symbolic link, which would lead nowhere from another folder. */
  readonly isLink: boolean;
}

/** Decides by the plan. What a person brought isn't made anew by emptying it, whatever the mode. */
export function decideDamage(
  { onCorruption, mode }: Pick<DiskPlan, 'onCorruption' | 'mode'>,
  disk: DamagedDisk,
  failure: Failure,
): DamageDecision {
  if (onCorruption === 'Fail' || disk.isLink) return { kind: 'Leave', failure: leftInPlace(failure, disk) };
  const isOurs = disk.origin !== 'Imported' && !disk.isChanged;
  return { kind: mode === 'Ephemeral' && isOurs ? 'Refill' : 'Quarantine' };
}

/** Somebody may still get their data out of it. */
function leftInPlace({ reason, message }: Failure, { path, isLink }: DamagedDisk): Failure {
  const goOn = isLink
    ? 'remove the link: the file that it leads to is not moved into quarantine'
    : 'set disk.onCorruption to Reprovision (this one is then kept in quarantine on the volume), or move it away';
  return {
    reason,
    message: `${message} The disk ${path} is left as it is. To get at its data, copy it out and repair the copy (qemu-img check -r all). To go on with a new disk, ${goOn}.`,
  };
}
