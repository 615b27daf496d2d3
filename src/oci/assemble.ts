import { chunkedDisk } from './chunked-disk.ts';
import { DISK_ARTIFACT } from './disk-artifact.ts';
import type { DiskContent } from './disk-content.ts';
import { ContentError, failed, type OciResult } from './failure.ts';
import { imageDisk, isImage } from './image-disk.ts';
import type { Manifest } from './manifest.ts';
import { isTitled, titledDisk } from './titled-disk.ts';

/**
 * Finds the disk in a snapshot that was fetched into an OCI layout, whatever its shape: our own artifact, a file of an
 * ORAS artifact, or a file in the layers of a container image.
 * @param wanted `disk.snapshot.path`
 * @throws ContentError when a blob on the volume isn't what its digest says: {@link ContentError.blob} names it
 */
export async function findDisk(
  layout: string,
  manifest: Manifest,
  wanted: string | undefined,
): Promise<OciResult<DiskContent>> {
  try {
    if (manifest.artifactType === DISK_ARTIFACT.artifactType) return chunkedDisk(layout, manifest);
    if (isTitled(manifest)) return titledDisk(layout, manifest, wanted);
    if (isImage(manifest)) return await imageDisk(layout, manifest, wanted);
  } catch (error) {
    if (error instanceof ContentError && error.blob === undefined) return { ok: false, failure: error.failure };
    throw error;
  }
  const types = [...new Set(manifest.layers.map(({ mediaType }) => mediaType))].slice(0, 10);
  const holds = types.length === 0 ? 'no layers' : `layers of type ${types.join(', ')}`;
  return failed('NoDiskInSnapshot', `No disk was found in the snapshot: it has ${holds} and no named file.`);
}
