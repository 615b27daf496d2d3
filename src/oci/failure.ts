/** What can go wrong with a snapshot in a registry; stable words that stand in conditions and events. */
export type OciReason =
  /** The registry wants other credentials: none were given, or it refuses these (401). */
  | 'RegistryAuthFailed'
  /** The registry knows who asks, and forbids it (403). */
  | 'RegistryAccessDenied'
  /** The registry is asked too often (429). */
  | 'RegistryThrottled'
  /** The registry answers, and has no such repository, tag or digest. */
  | 'SnapshotNotFound'
  /** No such host, nobody listens, no answer in time. */
  | 'RegistryUnreachable'
  | 'RegistryCertificateNotTrusted'
  /** The registry answers something else: an error of its own (5xx). */
  | 'RegistryFailed'
  | 'SnapshotReferenceInvalid'
  /** What was fetched isn't what its digest says. */
  | 'SnapshotDigestMismatch'
  /** The manifest or its content can't be understood, or is hostile. */
  | 'SnapshotInvalid'
  | 'NoDiskInSnapshot'
  | 'SeveralDisksInSnapshot'
  /** The volume became full while a snapshot was fetched. */
  | 'NoSpace'
  /** The disk that was to be published was written to meanwhile. */
  | 'DiskChanged';

export interface OciFailure {
  readonly reason: OciReason;
  /** Names the registry and what to change; never a secret. */
  readonly message: string;
  /** The registry wants to be left alone for so long. */
  readonly retryAfterSeconds?: number;
}

export type OciResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: OciFailure };

export function success<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function failed(reason: OciReason, message: string): { readonly ok: false; readonly failure: OciFailure } {
  return { ok: false, failure: { reason, message } };
}

/** Carries a failure out of a stream of content. `blob` is the digest of the blob that isn't what it should be. */
export class ContentError extends Error {
  readonly failure: OciFailure;
  readonly blob: string | undefined;

  constructor(failure: OciFailure, blob?: string) {
    super(failure.message);
    this.failure = failure;
    this.blob = blob;
  }
}
