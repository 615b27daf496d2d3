import { createHash } from 'node:crypto';
import { explainOras } from './explain-oras.ts';
import { failed, type OciResult, success } from './failure.ts';
import { bytesIn, forget, removeUnfinished } from './layout.ts';
import { chooseManifest, type Manifest, parseManifest } from './manifest.ts';
import { type RegistryAccess, runOras } from './oras.ts';
import { parseReference, type Reference, withDigest } from './reference.ts';

/** A snapshot's manifest, before its content is fetched. */
export interface SnapshotManifest {
  /** Of the manifest that is used; another one than the pinned digest when that is an index. */
  readonly digest: string;
  readonly manifest: Manifest;
  /** Bytes to fetch. */
  readonly totalBytes: number;
}

const MAXIMUM_INDEX_DEPTH = 3;

/** Fetches the manifest with a pinned digest; of an index, that of the image that is taken (see chooseManifest). */
export async function fetchManifest(
  reference: string,
  pinned: string,
  access: RegistryAccess,
): Promise<OciResult<SnapshotManifest>> {
  const parsed = parseReference(reference);
  if (!parsed.ok) return parsed;
  let digest = pinned;
  for (let depth = 0; depth < MAXIMUM_INDEX_DEPTH; depth += 1) {
    const fetched = await fetchOne(parsed.value, digest, access);
    if (!fetched.ok) return fetched;
    const content = parseManifest(fetched.value);
    if (!content.ok) return content;
    if (content.value.kind === 'Manifest') return success(described(digest, content.value.manifest));
    const chosen = chooseManifest(content.value.index);
    if (chosen === undefined) return failed('NoDiskInSnapshot', `The index ${digest} of ${reference} names no image.`);
    digest = chosen.digest;
  }
  return failed('SnapshotInvalid', `${reference} has indexes within indexes.`);
}

function described(digest: string, manifest: Manifest): SnapshotManifest {
  // The same blob may be a layer several times; it is fetched once.
  const blobs = new Map([manifest.config, ...manifest.layers].map((blob) => [blob.digest, blob.size]));
  return { digest, manifest, totalBytes: [...blobs.values()].reduce((sum, size) => sum + size, 0) };
}

async function fetchOne(reference: Reference, digest: string, access: RegistryAccess): Promise<OciResult<string>> {
  const name = withDigest(reference, digest);
  const run = await runOras(access, ['manifest', 'fetch', name]);
  if (!run.ok) return { ok: false, failure: explainOras(run, { registry: reference.registry, reference: name }) };
  if (`sha256:${createHash('sha256').update(run.stdout).digest('hex')}` !== digest) {
    return failed('SnapshotDigestMismatch', `The registry ${reference.registry} sent another manifest than ${digest}.`);
  }
  return success(run.stdout);
}

export interface FetchOptions {
  readonly reference: string;
  readonly snapshot: SnapshotManifest;
  readonly access: RegistryAccess;
  /** The OCI layout folder; what is whole in it already isn't fetched again. */
  readonly layout: string;
  readonly onProgress: (doneBytes: number) => void;
  /** An attempt without a new byte for so long is given up; 60 s unless told. */
  readonly stallMilliseconds?: number | undefined;
}

/** What became of one attempt, in bytes. */
export interface FetchedBytes {
  /** Were there already, and were not fetched. */
  readonly kept: number;
  /** Came over the line. */
  readonly fetched: number;
  /** Of these, of no use: blobs that did not arrive whole are begun anew. */
  readonly lost: number;
}

export interface FetchOutcome extends FetchedBytes {
  readonly result: OciResult<undefined>;
}

const LOOK_MILLISECONDS = 500;
const STALL_MILLISECONDS = 60_000;
/** Less than so much while an attempt may stall counts as nothing: a line of 1 KiB a second never brings a disk. */
const STALL_BYTES = 64 * 1024;

/**
 * Brings everything that a manifest names into an OCI layout folder. May be called again after any end. What is there
 * then isn't durable (syncLayout) and counts only once it was hashed.
 */
export async function fetchSnapshot(options: FetchOptions): Promise<FetchOutcome> {
  const { reference, snapshot, access, layout } = options;
  const parsed = parseReference(reference);
  if (!parsed.ok) return { result: parsed, kept: 0, fetched: 0, lost: 0 };
  await removeUnfinished(layout);
  // oras copies nothing below a manifest that it finds; a crash may have left the manifest without its blobs.
  await forget(layout, [snapshot.digest]);
  const { whole: kept } = await bytesIn(layout);
  const run = await copyWatched(options, parsed.value);
  const { whole, unfinished } = await bytesIn(layout);
  await removeUnfinished(layout);
  const bytes = { kept, fetched: Math.max(0, whole - kept) + unfinished, lost: unfinished };
  if (!run.ok) {
    const failure = explainOras(run, { registry: parsed.value.registry, reference, content: true });
    return { ...bytes, result: { ok: false, failure } };
  }
  access.signal?.throwIfAborted();
  return { ...bytes, result: success(undefined) };
}

/** Runs `oras cp`, looks at the bytes that are there, and ends it when none come any more. */
async function copyWatched(options: FetchOptions, reference: Reference) {
  const { access, layout, snapshot, onProgress, stallMilliseconds = STALL_MILLISECONDS } = options;
  const stalled = new AbortController();
  const signal = access.signal === undefined ? stalled.signal : AbortSignal.any([access.signal, stalled.signal]);
  let newest = { bytes: -STALL_BYTES, at: performance.now() };
  const timer = setInterval(() => {
    bytesIn(layout).then(
      ({ whole, unfinished }) => {
        const bytes = whole + unfinished;
        const now = performance.now();
        // Fewer than before: a blob was begun anew.
        if (bytes >= newest.bytes + STALL_BYTES || bytes < newest.bytes) newest = { bytes, at: now };
        onProgress(Math.min(bytes, snapshot.totalBytes));
        if (now - newest.at > stallMilliseconds) stalled.abort();
      },
      // The folder changes while it is looked at; the next look is half a second away.
      () => undefined,
    );
  }, LOOK_MILLISECONDS);
  try {
    const target = ['--no-tty', withDigest(reference, snapshot.digest), '--to-oci-layout', `${layout}:disk`];
    const run = await runOras({ ...access, signal }, ['cp', ...target], { side: 'from-', timeoutMilliseconds: 0 });
    return { ...run, timedOut: stalled.signal.aborted };
  } finally {
    clearInterval(timer);
  }
}
