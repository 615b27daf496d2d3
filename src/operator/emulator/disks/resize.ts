import type { ObservedClaim, ObservedStatefulSet, RefusedGrowth } from '../observed.ts';

/**
 * How volumes follow `spec.storage.size` when it grows. Each step is decided anew from what is observed, so that a
 * restart of the operator loses none. Claims and the StatefulSet go their ways apart; neither holds up anything else.
 *
 * A claim:
 * 1. **Small**: its request is below the size. It is asked for the size, on condition that it is still the object that
 *    was looked at, so that what somebody else asked for meanwhile is never taken back. A claim that is not bound yet
 *    waits: the API server lets only bound ones grow.
 * 2. **Refused**: the API server won't have it. That is told, and tried again after a while, because
 *    nobody tells when a StorageClass or a quota was changed, or at once when another size is wanted.
 * 3. **Expanding**: the request is the size, the capacity below it: the storage driver is at work.
 * 4. **Grown**: steady.
 *
 * The StatefulSet, whose claim template can't be changed:
 * 1. **Old**: the template's size is another. The StatefulSet alone is deleted (Orphan), by its UID; the machines go
 *    on. It waits for a scale-down that still has claims to delete, because the scale mark goes with the StatefulSet:
 *    without one pending the mark is `spec.replicas`, which is what it begins with again (`retention.ts`).
 * 2. **Leaving**: the garbage collector releases the pods. Nothing is applied to what is leaving.
 * 3. **Gone**: it is made as any other that isn't there. It adopts the pods by their labels, and their revision by its
 *    content, which knows nothing of claim templates: no machine needs a restart for it.
 *
 * What if the operator ends between 1 and 3? The next one finds 2 or 3. What if the user scales down in between, with
 * `whenScaled: Delete`? The claims stay. A doubt never deletes.
 *
 * Claims of machines that a scale-down took away are left as they are, and grow when their machines are wanted again.
 * A claim of the user's own, or one that isn't annotated for this Emulator, is never touched; nothing ever shrinks.
 */
export function decideResize(input: ResizeInput): ResizeDecision {
  const { size, statefulSet, refusals, monotonicMs } = input;
  const waiting = (claim: ObservedClaim): boolean => {
    const refusal = refusalOf(claim, size, refusals);
    return refusal !== undefined && monotonicMs - refusal.at < REFUSAL_RETRY_MS;
  };
  const small = smallClaims(input).filter(({ requestBytes }) => requestBytes !== undefined && requestBytes < size);
  const growths = small
    .filter((claim) => claim.bound && !waiting(claim))
    .map(({ name, uid, resourceVersion }) => ({ name, uid, resourceVersion, bytes: size }));
  const template = statefulSet?.templateBytes;
  const old = template !== undefined && template !== size;
  const replace = old && input.scaleDone && !statefulSet?.leaving;
  return {
    growths,
    replacement: replace ? statefulSet?.uid : undefined,
    againAfterMs: small.some(waiting) ? REFUSAL_RETRY_MS : undefined,
  };
}

/** Claims of machines that are wanted, and whose request or volume is below the size. What can't be read is not. */
export function smallClaims(input: ClaimsInput): ObservedClaim[] {
  const { emulator, replicas, size, existingClaim, claims } = input;
  if (existingClaim) return [];
  return claims
    .filter((claim) => claim.emulator === emulator && claim.ordinal < replicas && !claim.deleting)
    .filter(({ requestBytes = size, capacityBytes = size }) => requestBytes < size || capacityBytes < size);
}

/** The refusal that stands in the way of this very growth. */
export function refusalOf(
  { uid }: ObservedClaim,
  size: number,
  refusals: readonly RefusedGrowth[],
): RefusedGrowth | undefined {
  return refusals.find((refusal) => refusal.uid === uid && refusal.bytes === size);
}

/** How long a claim that was refused is left alone. */
const REFUSAL_RETRY_MS = 30_000;

export interface ClaimsInput {
  readonly emulator: string;
  readonly replicas: number;
  /** `spec.storage.size`, in bytes. */
  readonly size: number;
  /** The Emulator uses a claim of the user's own. */
  readonly existingClaim: boolean;
  readonly claims: readonly ObservedClaim[];
}

export interface ResizeInput extends ClaimsInput {
  readonly statefulSet: ObservedStatefulSet | undefined;
  /** No scale-down has claims left to delete. */
  readonly scaleDone: boolean;
  readonly refusals: readonly RefusedGrowth[];
  /** Now, on the clock of `RefusedGrowth.at`. */
  readonly monotonicMs: number;
}

/** A claim to be asked for more room. */
export interface ClaimGrowth {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly bytes: number;
}

export interface ResizeDecision {
  readonly growths: readonly ClaimGrowth[];
  /** UID of the StatefulSet that has to make room for one with another claim template. */
  readonly replacement: string | undefined;
  readonly againAfterMs: number | undefined;
}
