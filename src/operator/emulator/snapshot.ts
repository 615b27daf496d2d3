import type { Emulator } from '../../api/emulator/schema.ts';
import type { AgentReport } from '../../contract/agent-report.ts';
import type { Observed, ResolveAttempt, ResolveRequest } from './observed.ts';
import { REASONS } from './reasons.ts';

/** Where the snapshot's reference stands, and what is to be done about it. */
export interface SnapshotDecision {
  /** Pinned, for good: only another reference is resolved anew. */
  readonly pinned: { readonly reference: string; readonly digest: string } | undefined;
  /** Ask the registry now. */
  readonly resolve: ResolveRequest | undefined;
  /** Milliseconds until it is to be asked again. */
  readonly againAfterMs: number | undefined;
  /** Since when machines that the registry turned away would be let in. */
  readonly accessAt: Date | undefined;
  readonly reason: string;
  readonly message: string;
}

const FIRST_RETRY_MS = 2_000;
/** A machine that waits must come up within a minute after the cause was put right. */
const CAP_WHILE_WAITED_FOR_MS = 15_000;
/** Nobody waits: every machine has a disk from elsewhere. */
const CAP_MS = 300_000;

/** Undefined for an Emulator without a snapshot. `waiting`: a machine has no disk yet. */
export function decideSnapshot(observed: Observed, waiting: boolean, now: Date): SnapshotDecision | undefined {
  const request = resolveRequest(observed.emulator);
  if (request === undefined) return undefined;
  const digest = knownDigest(observed, request);
  if (digest !== undefined) {
    const message = `${request.reference} is ${digest}`;
    const pinned = { reference: request.reference, digest };
    return { pinned, ...decideAccess(observed, { ...request, digest }, now), reason: REASONS.Resolved, message };
  }
  const { attempt, ...next } = decideAttempt(observed, request, waiting, now);
  const { reason, message } = attempt?.failure ?? {
    reason: REASONS.Resolving,
    message: `The registry is being asked for the digest of ${request.reference}`,
  };
  return { pinned: undefined, ...next, accessAt: undefined, reason, message };
}

/** The last attempt at this request, and whether it is time for another. */
function decideAttempt(
  observed: Observed,
  request: ResolveRequest,
  waiting: boolean,
  now: Date,
): Pick<SnapshotDecision, 'resolve' | 'againAfterMs'> & { readonly attempt: ResolveAttempt | undefined } {
  const attempt = sameRequest(observed.resolve?.request, request) ? observed.resolve : undefined;
  const againAfterMs = attempt === undefined || attempt.running ? undefined : waitMs(attempt, waiting, now);
  const due = attempt === undefined || (!attempt.running && againAfterMs === 0);
  return { attempt, resolve: due ? request : undefined, againAfterMs: due ? undefined : againAfterMs };
}

/**
 * Nobody tells when a Secret or a CA is put right, and kubelet may take more than a minute to bring it to a pod. So
 * while the registry turns a machine away, the operator tries the same door.
 */
function decideAccess(
  observed: Observed,
  request: ResolveRequest,
  now: Date,
): Pick<SnapshotDecision, 'resolve' | 'againAfterMs' | 'accessAt'> {
  if (!observed.pods.some(({ uid }) => isTurnedAway(observed.contacts.get(uid)?.report))) {
    return { resolve: undefined, againAfterMs: undefined, accessAt: undefined };
  }
  const { attempt, ...next } = decideAttempt(observed, request, true, now);
  return { ...next, accessAt: attempt?.goodSince };
}

/** Reasons that lie in what a pod has mounted: its pull secret and its CA. */
const ACCESS_REASONS = ['RegistryAuthFailed', 'RegistryCertificateNotTrusted'];

/** Did a machine try the snapshot and get no further than the registry's door? */
export function isTurnedAway(report: AgentReport | undefined): boolean {
  return (
    report?.phase === 'DiskFailed' &&
    report.attempts.some(({ source, reason }) => source === 'Snapshot' && ACCESS_REASONS.includes(reason))
  );
}

/** What resolving this Emulator's snapshot takes. */
function resolveRequest(emulator: Emulator): ResolveRequest | undefined {
  const snapshot = emulator.spec.disk.snapshot;
  if (snapshot === undefined) return undefined;
  return {
    reference: snapshot.reference,
    plainHTTP: snapshot.registry.plainHTTP,
    pullSecret: snapshot.pullSecretRef?.name,
    ca: snapshot.registry.caBundleRef,
  };
}

export function sameRequest(left: ResolveRequest | undefined, right: ResolveRequest): boolean {
  return (
    left?.reference === right.reference &&
    left.digest === right.digest &&
    left.plainHTTP === right.plainHTTP &&
    left.pullSecret === right.pullSecret &&
    left.ca?.name === right.ca?.name &&
    left.ca?.key === right.ca?.key
  );
}

/** In a reference by digest, in the status, or just resolved. */
function knownDigest(observed: Observed, request: ResolveRequest): string | undefined {
  const written = /@(sha256:[0-9a-f]{64})$/.exec(request.reference)?.[1];
  const pinned = observed.emulator.status?.snapshot;
  if (written !== undefined) return written;
  if (pinned?.reference === request.reference) return pinned.digest;
  return sameRequest(observed.resolve?.request, request) ? observed.resolve?.digest : undefined;
}

function waitMs(attempt: ResolveAttempt, waiting: boolean, now: Date): number {
  const cap = waiting ? CAP_WHILE_WAITED_FOR_MS : CAP_MS;
  // After a success nothing is urgent.
  const delay =
    attempt.failure === undefined ? cap : Math.min(cap, FIRST_RETRY_MS * 2 ** Math.min(attempt.failures - 1, 20));
  return Math.max(0, (attempt.endedAt?.getTime() ?? 0) + delay - now.getTime());
}
