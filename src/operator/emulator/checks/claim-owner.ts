import { ANNOTATIONS } from '../names.ts';
import type { Observed } from '../observed.ts';
import { REASONS } from '../reasons.ts';
import type { Block } from './block.ts';

/**
 * Is a claim that a machine would mount annotated for another Emulator? Names can meet: template `win98-disk-x` with
 * Emulator `y`, and `win98-disk` with `x-y`, make the same claim.
 */
export function checkClaimOwner({ emulator, claims }: Observed): Block | undefined {
  const { name, namespace } = emulator.metadata;
  const foreign = claims.find(
    (claim) => claim.ordinal < emulator.spec.replicas && claim.emulator !== undefined && claim.emulator !== name,
  );
  if (foreign === undefined) return undefined;
  const message =
    `PersistentVolumeClaim ${foreign.name} holds a disk of Emulator ${foreign.emulator}, and no other may use it. ` +
    `If that disk is to be this Emulator's from now on: ` +
    `kubectl annotate pvc -n ${namespace} ${foreign.name} --overwrite ${ANNOTATIONS.emulator}=${name}`;
  return { kind: 'Stalled', reason: REASONS.ClaimOfAnotherEmulator, message };
}
