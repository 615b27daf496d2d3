import { chosenOf } from './candidates.ts';
import type { DiskContent } from './disk-content.ts';
import { ContentError, failed, type OciResult, success } from './failure.ts';
import { type LayerEntry, readLayer } from './layer-tar.ts';
import type { Descriptor, Manifest } from './manifest.ts';

const LAYER_TYPE = /^application\/vnd\.(?:oci\.image\.layer\.|docker\.image\.rootfs\.).*tar/;
const WELL_KNOWN = [
  /^\/snapshot\.qcow2$/,
  /^\/images\/win98-snapshot\.qcow2$/,
  /^\/disk\/[^/]+\.qcow2$/,
  /^\/opt\/builtin-images\/win98\.qcow2\.builtin$/,
];
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
const MAXIMUM_FILES = 500_000;

/** Where a file's content lies: the n-th entry of a layer. */
interface FilePlace {
  readonly layer: Descriptor;
  readonly index: number;
  readonly kind: LayerEntry['kind'];
  readonly sizeBytes: number;
}

/** Whether a manifest is one of a container image. */
export function isImage(manifest: Manifest): boolean {
  return manifest.layers.some(({ mediaType }) => LAYER_TYPE.test(mediaType));
}

/** The disk inside the layers of a Docker or OCI image, as a container of it would see it. */
export async function imageDisk(
  layout: string,
  manifest: Manifest,
  wanted: string | undefined,
): Promise<OciResult<DiskContent>> {
  const files = await filesOf(layout, manifest);
  const isWellKnown = (name: string) => WELL_KNOWN.some((pattern) => pattern.test(name));
  const chosen = chosenOf([...files.keys()], wanted, isWellKnown);
  if (!chosen.ok) return chosen;
  const place = files.get(chosen.value);
  if (place?.kind !== 'File') {
    const what = place?.kind === 'Sparse' ? 'a sparse entry (made with tar --sparse)' : 'no regular file';
    return failed(
      'SnapshotInvalid',
      `${chosen.value} in the image is ${what}. Put the plain qcow2 file into the image.`,
    );
  }
  return success({
    description: `file ${chosen.value} of an image`,
    sizeBytes: place.sizeBytes,
    read: () => readPlace(layout, place),
  });
}

/** All files that the layers leave, one on the other (OCI image-spec, "Applying changesets"). */
async function filesOf(layout: string, manifest: Manifest): Promise<Map<string, FilePlace>> {
  const files = new Map<string, FilePlace>();
  for (const layer of manifest.layers) {
    if (LAYER_TYPE.test(layer.mediaType)) await applyLayer(layout, layer, files);
  }
  return files;
}

async function applyLayer(layout: string, layer: Descriptor, files: Map<string, FilePlace>): Promise<void> {
  const added = new Map<string, FilePlace>();
  const hidden: string[] = [];
  let index = -1;
  for await (const { entry } of readLayer(layout, layer)) {
    index += 1;
    const slash = entry.path.lastIndexOf('/');
    const folder = entry.path.slice(0, slash);
    const name = entry.path.slice(slash + 1);
    if (name === OPAQUE) {
      hidden.push(`${folder}/`);
    } else if (name.startsWith(WHITEOUT)) {
      hidden.push(`${folder}/${name.slice(WHITEOUT.length)}`);
    } else if (entry.kind !== 'Folder') {
      const target = entry.target === undefined ? undefined : (added.get(entry.target) ?? files.get(entry.target));
      added.set(entry.path, target ?? { layer, index, kind: entry.kind, sizeBytes: entry.sizeBytes });
    } else {
      added.delete(entry.path);
      files.delete(entry.path);
    }
    if (files.size + added.size > MAXIMUM_FILES) {
      const message = `The image holds more than ${MAXIMUM_FILES} files; it is not searched for a disk.`;
      throw new ContentError({ reason: 'SnapshotInvalid', message });
    }
  }
  // Whiteouts hide what lower layers have, never what their own layer adds.
  hide(files, hidden);
  hide(
    files,
    [...added.keys()].map((path) => `${path}/`),
  );
  for (const [path, place] of added) files.set(path, place);
}

/** Removes the paths, and all below them; a path that ends in a slash means only what is below it. */
function hide(files: Map<string, FilePlace>, paths: readonly string[]): void {
  if (paths.length === 0) return;
  const gone = new Set(paths);
  for (const file of files.keys()) {
    if (gone.has(file) || parentsOf(file).some((parent) => gone.has(parent) || gone.has(`${parent}/`)))
      files.delete(file);
  }
}

/** `/a/b/c` has `/a/b`, `/a` and the root (an empty text). */
function parentsOf(file: string): readonly string[] {
  const parents: string[] = [];
  for (let slash = file.lastIndexOf('/'); slash >= 0; slash = file.lastIndexOf('/', slash - 1)) {
    parents.push(file.slice(0, slash));
    if (slash === 0) break;
  }
  return parents;
}

/** Reads the layer to its end, so that its hash is checked. */
async function* readPlace(layout: string, place: FilePlace): AsyncGenerator<Buffer> {
  let index = -1;
  for await (const { content } of readLayer(layout, place.layer)) {
    index += 1;
    if (index === place.index) yield* content;
  }
}
