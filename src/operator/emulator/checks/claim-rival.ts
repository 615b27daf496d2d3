import type { Observed } from '../observed.ts';
import { REASONS } from '../reasons.ts';
import type { Block } from './block.ts';

/**
 * Would a machine of an Emulator that was there first mount a claim of ours? A claim that carries a name already is its
 * bearer's (`claim-owner.ts`); of one that is nobody's yet, or isn't there, the Emulator that is further on its way to
 * machines is served, and of two that are equally far the older one (`comesBefore`).
 */
export function checkClaimRival({ emulator, claims, rivals }: Observed): Block | undefined {
  const named = new Set(claims.filter((claim) => claim.emulator !== undefined).map(({ name }) => name));
  for (const rival of rivals) {
    const claim = rival.claims.find((name) => !named.has(name));
    if (claim === undefined) continue;
    const other =
      emulator.spec.storage.existingClaim === undefined
        ? 'make this one anew with another storage.claimTemplateName'
        : 'make this one anew with a PersistentVolumeClaim of its own';
    const message =
      `PersistentVolumeClaim ${claim} is to be used by Emulator ${rival.emulator} as well, which was there first. Two ` +
      `machines must not write to one disk: delete Emulator ${rival.emulator}, or ${other}.`;
    return { kind: 'Stalled', reason: REASONS.ClaimOfAnotherEmulator, message };
  }
  return undefined;
}
