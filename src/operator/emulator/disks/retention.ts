import type { ObservedClaim } from '../observed.ts';

/**
 * Which claims a scale-down deletes. The StatefulSet's own retention can't be used: it can't tell "stopped" (0 pods)
 * from "scaled to 0". The StatefulSet carries a *scale mark*: machines with ordinals below it may have claims that a
 * scale-down still has to look at. The mark follows `spec.replicas`, never the number of pods, so `powerState` plays
 * no part.
 *
 * 1. **Steady**: mark = `spec.replicas`. No claim is deleted.
 * 2. **Grown**: `spec.replicas` rose above the mark: the mark rises with it, at once. Kept claims are used again.
 * 3. **Shrunk, Retain**: the mark falls to `spec.replicas` at once; the claims stay, for good: a later `Delete` is
 *    about later scale-downs.
 * 4. **Shrunk, Delete**: the mark stays. Each claim with an ordinal in [`spec.replicas`, mark) is deleted when its pod
 *    is gone, by its UID. When none of them is left (one that is being deleted counts as gone), the mark falls:
 *    steady.
 *
 * What if the operator restarts in 4? Mark and claims are in the cluster; the next pass goes on. What if the user
 * scales up again in 4? The range shrinks from below, what is wanted again is kept. What if the StatefulSet is deleted
 * by hand in 4? The mark is lost with it and starts at `spec.replicas`: claims stay. A doubt never deletes.
 *
 * An existing claim is never deleted, nor is one that isn't annotated for this Emulator. `whenDeleted: Delete` is an
 * owner reference (`adopt.ts`); it has to be on the claim before the Emulator is deleted, which is why changing the
 * policy and deleting the Emulator while the operator is down does what the policy said before.
 */
export function decideRetention(input: RetentionInput): RetentionDecision {
  const { emulator, replicas, whenScaled, existingClaim, claims, podOrdinals } = input;
  const mark = input.mark ?? replicas;
  if (existingClaim || mark <= replicas || whenScaled === 'Retain') return { mark: replicas, deletions: [] };
  const condemned = claims.filter(
    (claim) => claim.ordinal >= replicas && claim.ordinal < mark && claim.emulator === emulator && !claim.deleting,
  );
  const podsLeft = podOrdinals.some((ordinal) => ordinal >= replicas && ordinal < mark);
  if (condemned.length === 0 && !podsLeft) return { mark: replicas, deletions: [] };
  const deletions = condemned
    .filter(({ ordinal }) => !podOrdinals.includes(ordinal))
    .map(({ name, uid, resourceVersion, ordinal }) => ({ name, uid, resourceVersion, ordinal }));
  return { mark, deletions };
}

export interface RetentionInput {
  readonly emulator: string;
  readonly replicas: number;
  readonly whenScaled: 'Retain' | 'Delete';
  /** The Emulator uses a claim of the user's own. */
  readonly existingClaim: boolean;
  /** The StatefulSet's scale mark; undefined when there is no StatefulSet. */
  readonly mark: number | undefined;
  readonly claims: readonly ObservedClaim[];
  /** Ordinals of the pods that are there, those being deleted too. */
  readonly podOrdinals: readonly number[];
}

export interface ClaimDeletion {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly ordinal: number;
}

export interface RetentionDecision {
  /** The scale mark that the StatefulSet is to carry. */
  readonly mark: number;
  readonly deletions: readonly ClaimDeletion[];
}
