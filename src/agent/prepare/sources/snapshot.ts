import path from 'node:path';
import type { SnapshotPlan } from '../../../contract/disk-plan.ts';
import { findDisk } from '../../../oci/assemble.ts';
import { ContentError } from '../../../oci/failure.ts';
import { fetchManifest, fetchSnapshot, type SnapshotManifest } from '../../../oci/fetch.ts';
import { bytesIn, forget, removeUnfinished } from '../../../oci/layout.ts';
import type { RegistryAccess } from '../../../oci/oras.ts';
import { resolveReference } from '../../../oci/resolve.ts';
import { checkRoom, spaceOf } from '../../disk/space.ts';
import { sparseCopy } from '../../disk/sparse-copy.ts';
import { runsAlone } from '../../environment.ts';
import { type Failure, messageOf } from '../../failure.ts';
import type { PrepareContext } from '../context.ts';
import type { DiskSource, StageOptions, StageResult } from './source.ts';
import { targetFailure } from './target-failure.ts';

type SnapshotContext = Pick<PrepareContext, 'files' | 'volume' | 'paths' | 'programs' | 'variables'>;

/** Reasons that say something of the snapshot itself: trying again alone doesn't help. */
const BROKEN_REASONS: ReadonlySet<string> = new Set([
  'SnapshotInvalid',
  'NoDiskInSnapshot',
  'SeveralDisksInSnapshot',
  'SnapshotReferenceInvalid',
]);

/** A disk from a registry, by digest: fetched into an OCI layout in the staging folder, then assembled from there. */
export function snapshotSource(context: SnapshotContext): DiskSource {
  const staged = path.join(context.volume.staging, 'snapshot.partial');
  return {
    name: 'Snapshot',
    stage: async (options) => {
      const { plan, signal } = options;
      if (plan.snapshot === undefined) {
        const message = 'No snapshot is named (disk.snapshot).';
        return { kind: 'Absent', failure: { reason: 'SnapshotNotPlanned', message } };
      }
      const access = accessTo(context, plan.snapshot, signal);
      const digest = plan.snapshot.digest ?? (await resolveAlone(context, plan.snapshot, access));
      if (typeof digest !== 'string') return digest;
      return stageDigest(context, { ...options, staged, access, snapshot: plan.snapshot, digest });
    },
    settle: () => context.files.remove(staged),
  };
}

function accessTo(
  { paths, programs }: SnapshotContext,
  { plainHTTP }: SnapshotPlan,
  signal: AbortSignal,
): RegistryAccess {
  return { oras: programs.oras, registryConfig: paths.registryConfig, caFile: paths.registryCA, plainHTTP, signal };
}

/** In a cluster the operator pins the digest; an image that runs alone (`docker run`) asks the registry itself. */
async function resolveAlone(
  { variables }: SnapshotContext,
  snapshot: SnapshotPlan,
  access: RegistryAccess,
): Promise<string | StageResult> {
  if (runsAlone(variables)) {
    const resolved = await resolveReference(snapshot.reference, access);
    return resolved.ok ? resolved.value.digest : { kind: 'Failed', failure: resolved.failure };
  }
  const message = snapshot.unresolved ?? `Waiting for the operator to find out what ${snapshot.reference} is.`;
  return { kind: 'Waiting', phase: 'AwaitingSnapshot', failure: { reason: 'SnapshotNotResolved', message } };
}

interface StageDigest extends StageOptions {
  readonly staged: string;
  readonly access: RegistryAccess;
  readonly snapshot: SnapshotPlan;
  readonly digest: string;
}

async function stageDigest(context: SnapshotContext, options: StageDigest): Promise<StageResult> {
  const { files, volume } = context;
  const { staged, access, snapshot, digest, signal } = options;
  const layout = path.join(volume.staging, `layout-${digest.replace(':', '-')}`);
  await files.remove(staged);
  await removeOtherLayouts(context, layout);
  try {
    const manifest = await fetchManifest(snapshot.reference, digest, access);
    signal.throwIfAborted();
    if (!manifest.ok) return failedWith(manifest.failure);
    await files.makeFolder(layout);
    const fetched = await fetchInto(context, options, layout, manifest.value);
    if (fetched !== undefined) return fetched;
    return await assemble(context, options, layout, manifest.value);
  } catch (error) {
    if (signal.aborted) throw error;
    return failedWith(await explain(error, layout, digest));
  }
}

async function fetchInto(
  { volume }: SnapshotContext,
  { access, snapshot, onProgress }: StageDigest,
  layout: string,
  manifest: SnapshotManifest,
): Promise<StageResult | undefined> {
  const { totalBytes } = manifest;
  // What an attempt before has fetched takes its room already, and isn't fetched again.
  await removeUnfinished(layout);
  const missing = Math.max(0, totalBytes - (await bytesIn(layout)));
  const room = checkRoom(await spaceOf(volume.root), missing, `Fetching ${snapshot.reference}`);
  if (!room.ok) return failedWith(room.failure);
  const fetched = await fetchSnapshot({
    reference: snapshot.reference,
    snapshot: manifest,
    access,
    layout,
    onProgress: (doneBytes) => onProgress({ step: 'Pulling', doneBytes, totalBytes }),
  });
  return fetched.ok ? undefined : failedWith(fetched.failure);
}

async function assemble(
  { volume }: SnapshotContext,
  { staged, snapshot, digest, signal, onProgress }: StageDigest,
  layout: string,
  { manifest }: SnapshotManifest,
): Promise<StageResult> {
  const found = await findDisk(layout, manifest, snapshot.path);
  if (!found.ok) return failedWith(found.failure);
  const content = found.value;
  const room = checkRoom(await spaceOf(volume.root), content.sizeBytes, `The disk of ${snapshot.reference}`);
  if (!room.ok) return failedWith(room.failure);
  const written = await sparseCopy(content.read(), staged, {
    signal,
    onProgress: (doneBytes) => onProgress({ step: 'Copying', doneBytes, totalBytes: content.sizeBytes }),
  });
  if (written.sizeBytes !== content.sizeBytes) {
    const message = `The disk in ${snapshot.reference} has ${written.sizeBytes} bytes and should have ${content.sizeBytes}.`;
    return failedWith({ reason: 'SnapshotInvalid', message });
  }
  const source = {
    description: `snapshot ${snapshot.reference} (${content.description})`,
    reference: snapshot.reference,
    digest,
  };
  return { kind: 'Staged', disk: { path: staged, ...written, origin: 'Snapshot', source } };
}

function failedWith(failure: Failure): StageResult {
  return { kind: BROKEN_REASONS.has(failure.reason) ? 'Broken' : 'Failed', failure };
}

/** A blob that isn't what its name says is removed with the manifest, so that the next attempt fetches both again. */
async function explain(error: unknown, layout: string, digest: string): Promise<Failure> {
  if (error instanceof ContentError) {
    if (error.blob !== undefined) await forget(layout, [error.blob, digest]);
    return error.failure;
  }
  return (
    targetFailure(error) ?? { reason: 'SnapshotFailed', message: `The snapshot can't be used: ${messageOf(error)}.` }
  );
}

async function removeOtherLayouts({ files, volume }: SnapshotContext, layout: string): Promise<void> {
  for (const name of await files.list(volume.staging)) {
    const other = path.join(volume.staging, name);
    if (name.startsWith('layout-') && other !== layout) await files.remove(other);
  }
}
