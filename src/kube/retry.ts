import { type BackoffPolicy, backoffMs } from './backoff.ts';
import { ApiError, isRefusal } from './errors.ts';

/** After an outage somebody who waits comes back within this time, however long the outage was. */
const OUTAGE_CAP_MS = 5_000;

/** Those whom a server asks to wait equally long come back spread over this time. */
const SPREAD_MS = 500;

/**
 * How long to wait after the `failures`-th failure in a row (from 1): by the policy, not before the server wants to be
 * asked again, and not long where the fault is the API server's or the way to it.
 */
export function retryInMs(policy: BackoffPolicy, failures: number, error: unknown, random: () => number): number {
  const capMs = isOutage(error) ? Math.min(policy.capMs, OUTAGE_CAP_MS) : policy.capMs;
  const askedMs = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
  const spreadMs = askedMs === 0 ? 0 : Math.round(random() * SPREAD_MS);
  return Math.max(askedMs + spreadMs, backoffMs({ ...policy, capMs }, failures, random));
}

/** Nothing is wrong with what was asked for: no answer came, or the server couldn't do it now. */
function isOutage(error: unknown): boolean {
  if (!(error instanceof ApiError) || isRefusal(error)) return false;
  return error.code === 0 || error.code === 429 || error.code >= 500;
}
