import type { Observed } from './observed.ts';

/**
 * A pod that has had its node for so long and not what it mounts may be waiting for a Secret: kubelet tells of that in
 * events only, and asks again after up to two minutes. Where many pods start at once most take longer than a minute
 * and miss nothing.
 */
const SLOW_MS = 120_000;

/** Whether the Secrets are to be made, where there are none. */
export interface SecretsDecision {
  readonly create: boolean;
  /** Pods that the Secrets are made for now, or were before; a pod that has mounted its volumes has what it needs. */
  readonly pods: readonly string[];
  /** Milliseconds until a pod that starts counts as slow. */
  readonly againAfterMs: number | undefined;
}

/**
 * Secrets are neither listed nor watched, so nobody tells when one is missing. They are made before the StatefulSet,
 * once, and looked at again once for each pod that doesn't come up: somebody may have deleted one since.
 */
export function decideSecrets({ statefulSet, pods, secretsMade, secretsFor }: Observed, now: Date): SecretsDecision {
  const waiting = pods
    .filter(({ mounted, deleting }) => !mounted && !deleting)
    .flatMap(({ uid, scheduledAt }) => (scheduledAt === undefined ? [] : [{ uid, at: scheduledAt.getTime() }]))
    .map(({ uid, at }) => ({ uid, slowInMs: at + SLOW_MS - now.getTime() }))
    // One that has its node since a time to come tells of a clock that was set, and not how long it has waited.
    .map(({ uid, slowInMs }) => ({ uid, slowInMs: slowInMs > 2 * SLOW_MS ? 0 : slowInMs }));
  const slow = waiting.filter(({ slowInMs }) => slowInMs <= 0).map(({ uid }) => uid);
  const soon = waiting.map(({ slowInMs }) => slowInMs).filter((ms) => ms > 0);
  return {
    create: (statefulSet === undefined && !secretsMade) || slow.some((uid) => !secretsFor.has(uid)),
    pods: slow,
    againAfterMs: soon.length === 0 ? undefined : Math.min(...soon),
  };
}
