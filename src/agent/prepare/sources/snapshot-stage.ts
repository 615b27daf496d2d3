import { chmod } from 'node:fs/promises';
import path from 'node:path';
import type { SnapshotPlan } from '../../../contract/disk-plan.ts';
import { planDisk } from '../../../oci/assemble.ts';
import type { DiskContent } from '../../../oci/disk-content.ts';
import { ContentError, type OciFailure } from '../../../oci/failure.ts';
import { fetchManifest, fetchSnapshot, type SnapshotManifest } from '../../../oci/fetch.ts';
import { followBlob } from '../../../oci/follow-blob.ts';
import { takeImageDisk } from '../../../oci/image-disk.ts';
import { blobFile, bytesIn, forget, removeUnfinished, syncLayout } from '../../../oci/layout.ts';
import type { RegistryAccess } from '../../../oci/oras.ts';
import { sparseCopy } from '../../disk/sparse-copy.ts';
import type { Written } from '../../disk/sparse-writer.ts';
import { type Failure, messageOf } from '../../failure.ts';
import type { PrepareContext } from '../context.ts';
import { checkGrowth, checkPeak, type Part } from '../preflight.ts';
import type { StagedDisk, StageOptions } from './source.ts';
import { targetFailure } from './target-failure.ts';

type StageContext = Pick<PrepareContext, 'files' | 'volume' | 'log'>;

export interface StageSnapshot extends StageOptions {
  /** Where the disk is to be. */
  readonly staged: string;
  readonly access: RegistryAccess;
  readonly snapshot: SnapshotPlan;
  readonly digest: string;
  readonly stallMilliseconds?: number | undefined;
}

/** With the pause that a registry wants. */
export type StageFailure = Failure & Pick<OciFailure, 'retryAfterSeconds'>;

export type StageOutcome =
  | { readonly kind: 'Staged'; readonly disk: StagedDisk }
  | { readonly kind: 'Broken' | 'Failed'; readonly failure: StageFailure };

/** Reasons that say something of the snapshot itself: trying again alone doesn't help. */
const BROKEN_REASONS: ReadonlySet<string> = new Set([
  'SnapshotInvalid',
  'NoDiskInSnapshot',
  'SeveralDisksInSnapshot',
  'SnapshotReferenceInvalid',
]);

/** Carries a failure out of the steps below. */
class StageError extends Error {
  readonly failure: StageFailure;

  constructor(failure: StageFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/**
 * Brings one snapshot's disk into the staging folder: the manifest, then all blobs into an OCI layout that outlives
 * attempts, then the disk out of them. Every byte is hashed when it is read, so whatever a crash, a full volume or a
 * registry did to the layout, the outcome is the right disk or a failure, and the blob that was wrong goes.
 */
export async function stageSnapshot(context: StageContext, options: StageSnapshot): Promise<StageOutcome> {
  const { snapshot, digest, access, signal } = options;
  const layout = path.join(context.volume.staging, `layout-${digest.replace(':', '-')}`);
  try {
    await removeOtherLayouts(context, layout);
    const manifest = await fetchManifest(snapshot.reference, digest, access);
    signal.throwIfAborted();
    if (!manifest.ok) return failedWith(manifest.failure);
    const disk = await stageContent(context, options, layout, manifest.value);
    return { kind: 'Staged', disk };
  } catch (error) {
    if (signal.aborted) throw error;
    // A volume that is full must not stay so until the next attempt.
    await context.files.remove(options.staged);
    const failure = await explain(error, layout, digest);
    // Its parts are what their digests say, and the whole is wrong: the next attempt would come to the same.
    if (error instanceof ContentError && error.blob === undefined) return { kind: 'Broken', failure };
    return failedWith(failure);
  }
}

async function stageContent(
  context: StageContext,
  options: StageSnapshot,
  layout: string,
  manifest: SnapshotManifest,
): Promise<StagedDisk> {
  const { files, volume } = context;
  const { snapshot, staged, digest } = options;
  const planned = planDisk(layout, manifest.manifest, snapshot.path);
  if (!planned.ok) throw new StageError(planned.failure);
  const content = planned.value.kind === 'Content' ? planned.value.content : undefined;
  if (content?.virtualBytes !== undefined) {
    const growth = checkGrowth(options.plan, content.virtualBytes);
    if (!growth.ok) throw new StageError(growth.failure);
  }
  if (content?.blob !== undefined) await putBack(context, staged, blobFile(layout, content.blob), content.sizeBytes);
  await files.remove(staged);
  await files.makeFolder(layout);
  // It outlives attempts, and power cuts: its own name, and that of the folder which it is in.
  for (const folder of [volume.staging, volume.folder]) await files.syncFolder(folder);
  const isKnownWhole = await fetchFollowed(context, options, layout, manifest, content);
  const { description, written } = await takeDisk(context, options, layout, manifest, content, isKnownWhole);
  const source = {
    description: `snapshot ${snapshot.reference} (${description})`,
    reference: snapshot.reference,
    digest,
  };
  return { path: staged, ...written, origin: 'Snapshot', source };
}

/** A crash may have come between the move of a whole blob and its publication: it isn't fetched again for that. */
async function putBack({ files }: StageContext, staged: string, blob: string, sizeBytes: number): Promise<void> {
  if ((await files.facts(staged))?.sizeBytes !== sizeBytes || (await files.facts(blob)) !== undefined) return;
  await files.makeFolder(path.dirname(blob));
  await files.rename(staged, blob);
}

/** Fetches, and hashes the one blob that is the disk on its way. Gives whether that was all of it, and right. */
async function fetchFollowed(
  context: StageContext,
  options: StageSnapshot,
  layout: string,
  manifest: SnapshotManifest,
  content: DiskContent | undefined,
): Promise<boolean> {
  const { blob: digest, sizeBytes: size } = content ?? { sizeBytes: 0 };
  const following = digest === undefined ? undefined : followBlob(layout, { digest, size }, options.signal);
  try {
    await fetchInto(context, options, layout, manifest, content);
  } catch (error) {
    // What was followed is gone, and the error that counts is the other one.
    await following?.end().catch(() => undefined);
    throw error;
  }
  return (await following?.end()) ?? false;
}

async function fetchInto(
  context: StageContext,
  options: StageSnapshot,
  layout: string,
  manifest: SnapshotManifest,
  content: DiskContent | undefined,
): Promise<void> {
  const { plan, access, snapshot, onProgress, stallMilliseconds } = options;
  const { totalBytes } = manifest;
  // What an attempt before has fetched takes its room already, and isn't fetched again.
  await removeUnfinished(layout);
  const missing = Math.max(0, totalBytes - (await bytesIn(layout)).whole);
  await preflight(context, plan, `Fetching ${snapshot.reference}`, [
    { name: 'what is fetched', bytes: missing },
    // A blob that is the disk becomes it; of an image, only its layers tell.
    { name: 'the disk', bytes: content === undefined || content.blob !== undefined ? 0 : content.sizeBytes },
  ]);
  const { result, ...bytes } = await fetchSnapshot({
    reference: snapshot.reference,
    snapshot: manifest,
    access,
    layout,
    stallMilliseconds,
    onProgress: (doneBytes) => onProgress({ step: 'Pulling', doneBytes, totalBytes }),
  });
  const { reference } = snapshot;
  if (result.ok) context.log.info({ reference, totalBytes, ...bytes }, 'The snapshot was fetched');
  else context.log.warn({ reference, totalBytes, ...bytes, ...result.failure }, 'The snapshot was not fetched whole');
  if (!result.ok) throw new StageError(result.failure);
}

async function preflight(
  context: StageContext,
  plan: StageOptions['plan'],
  what: string,
  parts: readonly Part[],
): Promise<void> {
  const room = await checkPeak(context, plan, what, parts);
  if (!room.ok) throw new StageError(room.failure);
}

interface Taken {
  readonly description: string;
  readonly written: Written;
}

async function takeDisk(
  context: StageContext,
  options: StageSnapshot,
  layout: string,
  manifest: SnapshotManifest,
  content: DiskContent | undefined,
  isKnownWhole: boolean,
): Promise<Taken> {
  if (content?.blob !== undefined) {
    if (!isKnownWhole) await verify(options, content);
    return takeBlob(context, options, layout, content, content.blob);
  }
  const taking =
    content === undefined ? takeFromImage(context, options, layout, manifest) : takeContent(options, content);
  // What was fetched is durable at the end, also when the disk can't be made: a power cut costs no second fetch.
  const [taken] = await Promise.allSettled([taking, syncLayout(layout)]);
  if (taken.status === 'rejected') throw taken.reason;
  return taken.value;
}

async function takeContent(options: StageSnapshot, content: DiskContent): Promise<Taken> {
  const written = await write(options, content.read(), content.sizeBytes);
  return { description: content.description, written };
}

async function takeBlob(
  context: StageContext,
  options: StageSnapshot,
  layout: string,
  content: DiskContent,
  blob: string,
): Promise<Taken> {
  const { description } = content;
  await moveBlob(context, blobFile(layout, blob), options.staged);
  // A file that is a blob has the blob's digest for its hash.
  return { description, written: { sizeBytes: content.sizeBytes, sha256: blob.replace('sha256:', '') } };
}

/** Reads all of it, which throws when it isn't what the digests say. */
async function verify({ signal, onProgress }: StageOptions, content: DiskContent): Promise<void> {
  let doneBytes = 0;
  for await (const piece of content.read()) {
    signal.throwIfAborted();
    doneBytes += piece.length;
    onProgress({ step: 'Copying', doneBytes, totalBytes: content.sizeBytes });
  }
}

/** Moved, not linked: under its name in the layout, the machine's own writes would pass for the blob. */
async function moveBlob({ files }: StageContext, blob: string, staged: string): Promise<void> {
  // oras makes blobs read-only.
  await chmod(blob, 0o640);
  await files.rename(blob, staged);
  // Its new name needs no sync: lost, the blob lies in the layout again, or is fetched again.
  await files.syncFile(staged);
}

async function takeFromImage(
  context: StageContext,
  options: StageSnapshot,
  layout: string,
  { manifest }: SnapshotManifest,
): Promise<Taken> {
  const { files } = context;
  const { plan, snapshot, staged } = options;
  let written: Written | undefined;
  const found = await takeImageDisk(layout, manifest, snapshot.path, async (content, sizeBytes) => {
    await files.remove(staged);
    await preflight(context, plan, `The disk in ${snapshot.reference}`, [{ name: 'the disk', bytes: sizeBytes }]);
    written = await write(options, content, sizeBytes);
  });
  if (!found.ok) throw new StageError(found.failure);
  if (written === undefined) throw new Error(`nothing was taken for ${found.value}`);
  return { description: `file ${found.value} of an image`, written };
}

async function write(
  { staged, signal, onProgress, snapshot }: StageSnapshot,
  content: AsyncIterable<Uint8Array>,
  totalBytes: number,
): Promise<Written> {
  const written = await sparseCopy(content, staged, {
    signal,
    onProgress: (doneBytes) => onProgress({ step: 'Copying', doneBytes, totalBytes }),
  });
  if (written.sizeBytes === totalBytes) return written;
  const message = `The disk in ${snapshot.reference} has ${written.sizeBytes} bytes and should have ${totalBytes}.`;
  throw new StageError({ reason: 'SnapshotInvalid', message });
}

function failedWith(failure: StageFailure): StageOutcome {
  return { kind: BROKEN_REASONS.has(failure.reason) ? 'Broken' : 'Failed', failure };
}

/** A blob that isn't what its name says is removed with the manifest, so that the next attempt fetches both again. */
async function explain(error: unknown, layout: string, digest: string): Promise<StageFailure> {
  if (error instanceof StageError) return error.failure;
  if (error instanceof ContentError) {
    if (error.blob !== undefined) await forget(layout, [error.blob, digest]);
    return error.failure;
  }
  return (
    targetFailure(error) ?? { reason: 'SnapshotFailed', message: `The snapshot can't be used: ${messageOf(error)}.` }
  );
}

async function removeOtherLayouts({ files, volume }: StageContext, layout: string): Promise<void> {
  for (const name of await files.list(volume.staging)) {
    const other = path.join(volume.staging, name);
    if (name.startsWith('layout-') && other !== layout) await files.remove(other);
  }
}
