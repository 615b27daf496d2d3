import { chunkedDisk } from './chunked-disk.ts';
import { DISK_ARTIFACT } from './disk-artifact.ts';
import type { DiskContent } from './disk-content.ts';
import { failed, type OciResult, success } from './failure.ts';
import { isImage } from './image-disk.ts';
import type { Manifest } from './manifest.ts';
import { isTitled, titledDisk } from './titled-disk.ts';

/**
 * What a manifest alone tells of the disk, before anything is fetched. `Image`: the disk is in the layers, and only
 * they tell where and how large.
 */
export type PlannedDisk = { readonly kind: 'Content'; readonly content: DiskContent } | { readonly kind: 'Image' };

/**
 * Says how the disk lies in a snapshot, whatever its shape: our own artifact, a file of an ORAS artifact, or a file in
 * the layers of a container image.
 * @param layout the folder that the snapshot is, or will be, fetched into
 * @param wanted `disk.snapshot.path`
 */
export function planDisk(layout: string, manifest: Manifest, wanted: string | undefined): OciResult<PlannedDisk> {
  if (manifest.artifactType === DISK_ARTIFACT.artifactType) return withContent(chunkedDisk(layout, manifest));
  if (isTitled(manifest)) return withContent(titledDisk(layout, manifest, wanted));
  if (isImage(manifest)) return success({ kind: 'Image' });
  const types = [...new Set(manifest.layers.map(({ mediaType }) => mediaType.slice(0, 100)))].slice(0, 10);
  const holds = types.length === 0 ? 'no layers' : `layers of type ${types.join(', ')}`;
  return failed('NoDiskInSnapshot', `No disk was found in the snapshot: it has ${holds} and no named file.`);
}

function withContent(found: OciResult<DiskContent>): OciResult<PlannedDisk> {
  return found.ok ? success({ kind: 'Content', content: found.value }) : found;
}
