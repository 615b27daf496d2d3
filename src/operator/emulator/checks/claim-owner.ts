import { isTakeable } from '../disks/adopt.ts';
import { ANNOTATIONS } from '../names.ts';
import type { Observed, ObservedClaim } from '../observed.ts';
import { REASONS } from '../reasons.ts';
import type { Block } from './block.ts';

/**
 * Does a claim that a machine would mount carry another Emulator's name? A PVC can be named by two as their
 * `existingClaim`, and made names can meet: template `win98-disk-x` with Emulator `y`, and `win98-disk` with `x-y`.
 */
export function checkClaimOwner(observed: Observed): Block | undefined {
  const { emulator, claims } = observed;
  const foreign = claims.find(
    (claim) =>
      claim.ordinal < emulator.spec.replicas && claim.holder !== undefined && !isTakeable(claim, emulator.spec),
  );
  if (foreign?.holder === undefined) return undefined;
  const { name, state } = foreign.holder;
  if (state === 'Leaving') {
    const message = `PersistentVolumeClaim ${foreign.name} is still in use: a machine of the deleted Emulator ${name} is shutting down.`;
    return { kind: 'Waiting', reason: REASONS.PredecessorLeaving, message };
  }
  const message = state === 'Present' ? heldMessage(observed, foreign, name) : leftMessage(observed, foreign, name);
  return { kind: 'Stalled', reason: REASONS.ClaimOfAnotherEmulator, message };
}

function heldMessage({ emulator }: Observed, { name }: ObservedClaim, holder: string): string {
  const words = `PersistentVolumeClaim ${name} is used by Emulator ${holder}. Two machines must not write to one disk: `;
  return emulator.spec.storage.existingClaim === undefined
    ? `${words}make this Emulator anew with another name or storage.claimTemplateName, so that its PVCs are called otherwise.`
    : `${words}delete Emulator ${holder}, if this one is to have the disk, or make this one anew with a PersistentVolumeClaim of its own.`;
}

/** Nobody asked for this disk by its name, so it isn't given away, however long its Emulator is gone. */
function leftMessage({ emulator }: Observed, { name }: ObservedClaim, holder: string): string {
  const { namespace, name: own } = emulator.metadata;
  return (
    `PersistentVolumeClaim ${name} holds a disk of the deleted Emulator ${holder}, and no other may use it. ` +
    `If that disk is to be this Emulator's from now on: ` +
    `kubectl annotate pvc -n ${namespace} ${name} --overwrite ${ANNOTATIONS.emulator}=${own}`
  );
}
