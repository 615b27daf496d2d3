import type { DiskPlan } from '../../contract/disk-plan.ts';
import type { DiskRecord } from '../../contract/disk-record.ts';
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

/** Decides by the plan. What a person brought isn't made anew by emptying it, whatever the mode. */
export function decideDamage(
  { onCorruption, mode }: Pick<DiskPlan, 'onCorruption' | 'mode'>,
  record: DiskRecord,
  failure: Failure,
  disk: string,
): DamageDecision {
  if (onCorruption === 'Fail') return { kind: 'Leave', failure: leftInPlace(failure, disk) };
  return { kind: mode === 'Ephemeral' && record.origin !== 'Imported' ? 'Refill' : 'Quarantine' };
}

/** Somebody may still get their data out of it. */
function leftInPlace({ reason, message }: Failure, disk: string): Failure {
  return {
    reason,
    message: `${message} The disk ${disk} is left as it is. To get at its data, copy it out and repair the copy (qemu-img check -r all). To go on with a new disk, set disk.onCorruption to Reprovision (this one is then kept in quarantine on the volume), or move it away.`,
  };
}
