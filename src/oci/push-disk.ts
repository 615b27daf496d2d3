import { createHash } from 'node:crypto';
import { CHUNK_BYTES, DISK_ARTIFACT, type DiskConsistency, EMPTY_CONFIG } from './disk-artifact.ts';
import { explainOras } from './explain-oras.ts';
import { failed, type OciResult, success } from './failure.ts';
import type { GuestDisk } from './guest-disk.ts';
import { GuestHash } from './guest-hash.ts';
import { type Descriptor, type Manifest, parseManifest } from './manifest.ts';
import { type RegistryAccess, runOras } from './oras.ts';
import { ChunkPacker, type PackedBlob } from './pack-chunk.ts';
import { parseTarget, type Reference } from './reference.ts';
import { Uploads } from './uploads.ts';

/** What is known of a disk besides its bytes; written into the artifact's annotations. */
export interface DiskFacts {
  /** Milliseconds since 1970 at which the disk had this content. */
  readonly createdAt: number;
  readonly consistency: DiskConsistency;
  /** Digest of what the disk was made from. */
  readonly sourceDigest?: string | undefined;
}

export interface PushOptions {
  /** `registry/repository:tag`. */
  readonly reference: string;
  readonly disk: GuestDisk;
  readonly facts: DiskFacts;
  readonly access: RegistryAccess;
  /** Bytes of the guest's disk that were gone through. */
  readonly onProgress: (progress: PushProgress) => void;
  /** Asked once everything is in the registry, before the tag is set: whether nobody wrote to the disk meanwhile. */
  readonly unchanged: () => Promise<boolean>;
}

export interface PushProgress {
  readonly doneBytes: number;
  /** Of the layers so far. */
  readonly sentBytes: number;
  readonly presentBytes: number;
}

export interface PushedDisk extends PushProgress {
  readonly digest: string;
  readonly layers: number;
}

/**
 * Pushes a disk as our own artifact (docs/snapshots.md), a chunk at a time: nothing is kept on a disk, and of memory
 * only the chunks on their way. Chunks that the registry has already aren't sent. The tag is set last, so it never
 * names half a disk, and a push that was interrupted goes on where it ended. The same disk with the same facts always
 * makes the same digest.
 */
export async function pushDisk(options: PushOptions): Promise<OciResult<PushedDisk>> {
  const { reference, disk, access, onProgress } = options;
  const parsed = parseTarget(reference);
  if (!parsed.ok) return parsed;
  const before = await layersBefore(reference, parsed.value, access);
  if (!before.ok) return before;
  const uploads = new Uploads(parsed.value, access, before.value);
  const hash = new GuestHash();
  const packer = new ChunkPacker(disk, hash);
  const layers: Descriptor[] = [];
  for (let chunk = 0; chunk * CHUNK_BYTES < disk.virtualBytes && uploads.failure === undefined; chunk += 1) {
    access.signal?.throwIfAborted();
    const blob = await packer.pack(chunk);
    if (blob !== undefined) {
      layers.push(layerOf(chunk, blob));
      await uploads.add(blob);
    }
    onProgress({ doneBytes: Math.min((chunk + 1) * CHUNK_BYTES, disk.virtualBytes), ...uploads.counts });
  }
  await uploads.add(EMPTY_BLOB);
  await uploads.end();
  access.signal?.throwIfAborted();
  if (uploads.failure !== undefined) return { ok: false, failure: uploads.failure };
  if (!(await options.unchanged())) return changed();
  const manifest = JSON.stringify(manifestOf(options, layers, hash.digest()));
  const tagged = await pushManifest(reference, parsed.value, access, manifest);
  if (!tagged.ok) return tagged;
  return success({ digest: tagged.value, layers: layers.length, doneBytes: disk.virtualBytes, ...uploads.counts });
}

function changed() {
  return failed(
    'DiskChanged',
    'The disk was written to while it was read, so what was read is no disk. The tag was left alone. Shut the machine down, or publish a copy.',
  );
}

const EMPTY_BLOB: PackedBlob = { digest: EMPTY_CONFIG.digest, bytes: Buffer.from('{}') };

function layerOf(chunk: number, { digest, bytes }: PackedBlob): Descriptor {
  return {
    mediaType: DISK_ARTIFACT.chunkType,
    digest,
    size: bytes.length,
    annotations: { [DISK_ARTIFACT.annotations.chunk]: `${chunk}` },
  };
}

/** Digests that the tag names until now: the registry has those blobs. Shows early that the registry lets us in, too. */
async function layersBefore(
  reference: string,
  { registry }: Reference,
  access: RegistryAccess,
): Promise<OciResult<ReadonlySet<string>>> {
  const run = await runOras(access, ['manifest', 'fetch', reference]);
  if (!run.ok) {
    const failure = explainOras(run, { registry, reference, pushing: true });
    return failure.reason === 'SnapshotNotFound' ? success(new Set()) : { ok: false, failure };
  }
  const parsed = parseManifest(run.stdout);
  const layers = parsed.ok && parsed.value.kind === 'Manifest' ? parsed.value.manifest.layers : [];
  return success(new Set(layers.map(({ digest }) => digest)));
}

function manifestOf({ disk, facts }: PushOptions, layers: readonly Descriptor[], contentSha256: string) {
  const names = DISK_ARTIFACT.annotations;
  const total = [...new Map(layers.map(({ digest, size }) => [digest, size])).values()];
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    artifactType: DISK_ARTIFACT.artifactType,
    config: EMPTY_CONFIG,
    layers: [...layers],
    annotations: {
      [names.virtualSize]: `${disk.virtualBytes}`,
      [names.contentSha256]: contentSha256,
      [names.totalSize]: `${total.reduce((sum, size) => sum + size, 0)}`,
      [names.consistency]: facts.consistency,
      ...(facts.sourceDigest === undefined ? {} : { [names.source]: facts.sourceDigest }),
      [names.created]: new Date(facts.createdAt).toISOString().replace(/\.\d+Z$/, 'Z'),
    },
  };
  return manifest;
}

async function pushManifest(
  reference: string,
  { registry }: Reference,
  access: RegistryAccess,
  manifest: string,
): Promise<OciResult<string>> {
  const run = await runOras(access, ['manifest', 'push', reference, '-'], { input: [manifest] });
  if (!run.ok) return { ok: false, failure: explainOras(run, { registry, reference, pushing: true }) };
  return success(`sha256:${createHash('sha256').update(manifest).digest('hex')}`);
}
