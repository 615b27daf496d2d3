/** How long to wait after failures in a row: doubled each time up to a cap, with jitter. */
export interface BackoffPolicy {
  readonly firstMs: number;
  readonly capMs: number;
}

/**
 * Delay after the `failures`-th failure in a row (from 1). Jitter takes away up to half, so that many that failed
 * together don't come back together. `random` is in [0, 1).
 */
export function backoffMs(policy: BackoffPolicy, failures: number, random: () => number): number {
  const full = Math.min(policy.capMs, policy.firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(full * (1 - random() / 2));
}
