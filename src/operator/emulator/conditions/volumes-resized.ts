import { formatBytes } from '../../quantity.ts';
import { claimsInput } from '../disks/claim.ts';
import { refusalOf, smallClaims } from '../disks/resize.ts';
import type { ObservedClaim } from '../observed.ts';
import { CONDITIONS, REASONS } from '../reasons.ts';
import type { ConditionState, Facts } from './condition.ts';

const type = CONDITIONS.VolumesResized;

const ADVICE =
  'Volumes grow where their StorageClass says allowVolumeExpansion: true, its driver can do it, and no quota is in ' +
  'the way. Where that cannot be had, import the disk into another Emulator that has the size from the start. Until ' +
  'then the machines go on with what they have.';

/** Are the volumes as large as the spec asks for? Absent where the Emulator has no PVCs of its own. */
export function volumesResized({ observed }: Facts): ConditionState | undefined {
  const { storage } = observed.emulator.spec;
  if (storage.mode === 'Ephemeral' || storage.existingClaim !== undefined) return undefined;
  const input = claimsInput(observed);
  const small = smallClaims(input);
  const first = small[0];
  if (first === undefined) {
    return { type, status: 'True', reason: REASONS.UpToDate, message: 'No volume is smaller than spec.storage.size' };
  }
  for (const claim of small) {
    const refusal = refusalOf(claim, input.size, observed.refusals);
    if (refusal === undefined) continue;
    const message = `${nameClaims(claim, small)} stays at ${sizeText(claim.requestBytes)}: ${refusal.message}. ${ADVICE}`;
    return { type, status: 'False', reason: REASONS.ExpansionRefused, message };
  }
  const message = `${nameClaims(first, small)} is to grow to ${formatBytes(input.size)} and has ${progress(first)}`;
  return { type, status: 'False', reason: REASONS.Expanding, message };
}

function progress({ bound, capacityBytes }: ObservedClaim): string {
  if (!bound) return 'no volume yet: it is asked for more as soon as it has one';
  return (
    `${sizeText(capacityBytes)}. The storage driver is to do that; some can only while no pod uses the volume: if ` +
    'this stays, set spec.powerState to Stopped for a while'
  );
}

function sizeText(bytes: number | undefined): string {
  return bytes === undefined ? 'an unknown size' : formatBytes(bytes);
}

function nameClaims({ name }: ObservedClaim, all: readonly ObservedClaim[]): string {
  return `PersistentVolumeClaim ${name}${all.length > 1 ? ` (one of ${all.length})` : ''}`;
}
