import type { Emulator, EmulatorStatus } from '../../api/emulator/schema.ts';
import type { AgentReport } from '../../contract/agent-report.ts';
import type { Reason } from '../../contract/reason.ts';
import { ANNOTATIONS } from './names.ts';
import type { Observed, ResolveAttempt, ResolveFailure, ResolveRequest } from './observed.ts';
import { REASONS } from './reasons.ts';

/** Where the snapshot's reference stands, and what is to be done about it. */
export interface SnapshotDecision {
  /** Pinned, until there is another reference, or the user asks for what the tag is now and the registry says it. */
  readonly pinned: NonNullable<EmulatorStatus['snapshot']> | undefined;
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

/**
 * Undefined for an Emulator without a snapshot. `waiting`: a machine has no disk yet. `held`: why the registry isn't to
 * be asked; undefined where it may be.
 */
export function decideSnapshot(
  observed: Observed,
  waiting: boolean,
  held: string | undefined,
): SnapshotDecision | undefined {
  const request = resolveRequest(observed.emulator);
  if (request === undefined) return undefined;
  const pinned = knownDigest(observed, request);
  const isAnswer = pinned !== undefined && !wantsAnew(pinned, request);
  if (isAnswer) {
    const message = `${request.reference} is ${pinned.digest}`;
    const access = holdBack(decideAccess(observed, { ...request, digest: pinned.digest }), held);
    return { pinned, ...access, reason: REASONS.Resolved, message };
  }
  const { attempt, ...next } = decideAttempt(observed, request, waiting);
  const { reason, message } = attempt?.failure ?? withoutAnswer(request, attempt?.running ? undefined : held);
  const shared = { pinned, ...holdBack(next, held), accessAt: undefined };
  if (pinned === undefined) return { ...shared, reason, message };
  const words = `${request.reference} was ${pinned.digest}, which holds until it is known what it is now. ${reason}: ${message}`;
  return { ...shared, reason: REASONS.ResolvingAnew, message: words };
}

function withoutAnswer({ reference }: ResolveRequest, held: string | undefined): ResolveFailure {
  return held === undefined
    ? { reason: REASONS.Resolving, message: `The registry is being asked for the digest of ${reference}` }
    : { reason: REASONS.NotResolving, message: `The registry is not asked for the digest of ${reference}: ${held}` };
}

function holdBack<T extends Pick<SnapshotDecision, 'resolve' | 'againAfterMs'>>(next: T, held: string | undefined): T {
  return held === undefined ? next : { ...next, resolve: undefined, againAfterMs: undefined };
}

/** Did the user ask for what the tag is now, after this digest was pinned? */
function wantsAnew({ resolveRequest: answered }: EmulatorSnapshot, { reference, again }: ResolveRequest): boolean {
  return again !== undefined && again !== answered && writtenDigest(reference) === undefined;
}

type EmulatorSnapshot = NonNullable<EmulatorStatus['snapshot']>;

/** The last attempt at this request, and whether it is time for another. */
function decideAttempt(
  observed: Observed,
  request: ResolveRequest,
  waiting: boolean,
): Pick<SnapshotDecision, 'resolve' | 'againAfterMs'> & { readonly attempt: ResolveAttempt | undefined } {
  const attempt = sameRequest(observed.resolve?.request, request) ? observed.resolve : undefined;
  const againAfterMs =
    attempt === undefined || attempt.running ? undefined : waitMs(attempt, waiting, observed.monotonicMs);
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
): Pick<SnapshotDecision, 'resolve' | 'againAfterMs' | 'accessAt'> {
  if (!observed.pods.some(({ uid }) => isTurnedAway(observed.contacts.get(uid)?.report))) {
    return { resolve: undefined, againAfterMs: undefined, accessAt: undefined };
  }
  const { attempt, ...next } = decideAttempt(observed, request, true);
  return { ...next, accessAt: attempt?.goodSince };
}

/** Reasons that lie in what a pod has mounted: its pull secret and its CA. */
const ACCESS_REASONS: readonly string[] = [
  'RegistryAuthFailed',
  'RegistryAccessDenied',
  'RegistryCertificateNotTrusted',
] satisfies Reason[];

/** Did a machine try the snapshot and get no further than the registry's door? */
export function isTurnedAway(report: AgentReport | undefined): boolean {
  return (
    report?.phase === 'DiskFailed' &&
    report.attempts.some(({ source, reason }) => source === 'Snapshot' && ACCESS_REASONS.includes(reason))
  );
}

/** Characters of the annotation that count: it is repeated in the status, and annotations can be very long. */
const LONGEST_REQUEST = 256;

/** What resolving this Emulator's snapshot takes. */
function resolveRequest(emulator: Emulator): ResolveRequest | undefined {
  const snapshot = emulator.spec.disk.snapshot;
  if (snapshot === undefined) return undefined;
  const again = emulator.metadata.annotations?.[ANNOTATIONS.resolveSnapshot]?.slice(0, LONGEST_REQUEST);
  return {
    reference: snapshot.reference,
    ...(again === undefined ? {} : { again }),
    plainHTTP: snapshot.registry.plainHTTP,
    pullSecret: snapshot.pullSecretRef?.name,
    ca: snapshot.registry.caBundleRef,
  };
}

export function sameRequest(left: ResolveRequest | undefined, right: ResolveRequest): boolean {
  return (
    left?.reference === right.reference &&
    left.digest === right.digest &&
    left.again === right.again &&
    left.plainHTTP === right.plainHTTP &&
    left.pullSecret === right.pullSecret &&
    left.ca?.name === right.ca?.name &&
    left.ca?.key === right.ca?.key
  );
}

/** In a reference by digest, just resolved, or in the status. */
function knownDigest(observed: Observed, request: ResolveRequest): EmulatorSnapshot | undefined {
  const { reference, again } = request;
  const written = writtenDigest(reference);
  if (written !== undefined) return { reference, digest: written };
  const stored = observed.emulator.status?.snapshot;
  const pinned = stored?.reference === reference ? stored : undefined;
  if (pinned !== undefined && !wantsAnew(pinned, request)) return pinned;
  const digest = sameRequest(observed.resolve?.request, request) ? observed.resolve?.digest : undefined;
  if (digest === undefined) return pinned;
  return { reference, digest, ...(again === undefined ? {} : { resolveRequest: again }) };
}

function writtenDigest(reference: string): string | undefined {
  return /@(sha256:[0-9a-f]{64})$/.exec(reference)?.[1];
}

function waitMs(attempt: ResolveAttempt, waiting: boolean, now: number): number {
  const cap = waiting ? CAP_WHILE_WAITED_FOR_MS : CAP_MS;
  // After a success nothing is urgent.
  const delay =
    attempt.failure === undefined ? cap : Math.min(cap, FIRST_RETRY_MS * 2 ** Math.min(attempt.failures - 1, 20));
  // A registry that has had enough of us says for how long.
  const asked = (attempt.failure?.retryAfterSeconds ?? 0) * 1_000;
  return Math.max(0, (attempt.endedAt ?? Number.NEGATIVE_INFINITY) + Math.max(delay, asked) - now);
}
