import { chosenOf } from './candidates.ts';
import { ContentError, failed, type OciResult, success } from './failure.ts';
import { type FilePlace, followLinks, hide, type ImageFiles } from './image-files.ts';
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
/** Of all the paths together: names of 4 KiB by the hundred thousand would fill the memory. */
const MAXIMUM_PATH_CHARACTERS = 64 * 1024 ** 2;

/** Whether a manifest is one of a container image. */
export function isImage(manifest: Manifest): boolean {
  return manifest.layers.some(({ mediaType }) => LAYER_TYPE.test(mediaType));
}

/** Takes the disk's bytes; called again when what was taken before turns out not to be the disk. */
export type TakeDisk = (content: AsyncIterable<Buffer>, sizeBytes: number) => Promise<void>;

/**
 * Takes the disk out of the layers of a Docker or OCI image, as a container of it would see it. The layers are read
 * once: what looks like the disk is taken when it comes by. Only a disk behind a link is read in a second pass.
 * @returns the disk's path, once what was taken last is the disk and verified
 */
export async function takeImageDisk(
  layout: string,
  manifest: Manifest,
  wanted: string | undefined,
  take: TakeDisk,
): Promise<OciResult<string>> {
  const isCandidate = (name: string) =>
    wanted === undefined ? WELL_KNOWN.some((pattern) => pattern.test(name)) : name === absolute(wanted);
  const search = new ImageSearch(layout, isCandidate, take);
  for (const layer of manifest.layers) {
    if (LAYER_TYPE.test(layer.mediaType)) await search.apply(layer);
  }
  const { files } = search;
  const chosen = chosenOf([...files.keys()], wanted, (name) => isCandidate(name) && !isAlias(files, name, isCandidate));
  if (!chosen.ok) return chosen;
  const place = search.placeOf(chosen.value);
  if (place?.kind !== 'File') return noFile(chosen.value, place ?? files.get(chosen.value));
  await search.takeUnlessTaken(place);
  return success(chosen.value);
}

function absolute(name: string): string {
  return name.startsWith('/') ? name : `/${name}`;
}

/** A link to another candidate is no second disk. */
function isAlias(files: ImageFiles, name: string, isCandidate: (name: string) => boolean): boolean {
  if (files.get(name)?.kind !== 'Symlink') return false;
  const target = followLinks(files, name);
  return target !== undefined && isCandidate(target);
}

function noFile(path: string, place: FilePlace | undefined) {
  if (place?.kind === 'Symlink') {
    return failed(
      'NoDiskInSnapshot',
      `${path} in the image is a link to ${place.target}, which is not in the image. Put the qcow2 file itself into the image.`,
    );
  }
  const what = place?.kind === 'Sparse' ? 'a sparse entry (made with tar --sparse)' : 'no regular file';
  return failed('SnapshotInvalid', `${path} in the image is ${what}. Put the plain qcow2 file into the image.`);
}

/** All files that the layers leave, one on the other (OCI image-spec, "Applying changesets"). */
class ImageSearch {
  readonly files: ImageFiles = new Map();
  readonly #layout: string;
  readonly #isCandidate: (name: string) => boolean;
  readonly #take: TakeDisk;
  #taken: FilePlace | undefined;
  #pathCharacters = 0;

  constructor(layout: string, isCandidate: (name: string) => boolean, take: TakeDisk) {
    this.#layout = layout;
    this.#isCandidate = isCandidate;
    this.#take = take;
  }

  async apply(layer: Descriptor): Promise<void> {
    const added: ImageFiles = new Map();
    const hidden: string[] = [];
    let index = -1;
    for await (const { entry, content } of readLayer(this.#layout, layer)) {
      index += 1;
      this.#count(entry, added.size);
      const whiteout = whiteoutOf(entry.path);
      if (whiteout !== undefined) {
        hidden.push(whiteout);
        continue;
      }
      if (entry.kind === 'Folder') {
        added.delete(entry.path);
        this.files.delete(entry.path);
        continue;
      }
      const place = this.#placeOf(entry, { layer, index }, added);
      added.set(entry.path, place);
      if (place.index === index && place.layer === layer && entry.kind === 'File' && this.#isCandidate(entry.path)) {
        await this.#takeFrom(place, content);
      }
    }
    // Whiteouts hide what lower layers have, never what their own layer adds.
    hide(this.files, hidden);
    hide(
      this.files,
      [...added.keys()].map((path) => `${path}/`),
    );
    for (const [path, place] of added) this.files.set(path, place);
  }

  placeOf(path: string): FilePlace | undefined {
    const target = followLinks(this.files, path);
    return target === undefined ? undefined : this.files.get(target);
  }

  async takeUnlessTaken(place: FilePlace): Promise<void> {
    if (this.#taken?.layer === place.layer && this.#taken.index === place.index) return;
    let index = -1;
    // To the layer's end, so that its hash is checked.
    for await (const { content } of readLayer(this.#layout, place.layer)) {
      index += 1;
      if (index === place.index) await this.#takeFrom(place, content);
    }
  }

  async #takeFrom(place: FilePlace, content: AsyncIterable<Buffer>): Promise<void> {
    this.#taken = undefined;
    await this.#take(content, place.sizeBytes);
    this.#taken = place;
  }

  /** A hard link is the file that its own layer or a lower one has under that name. */
  #placeOf(entry: LayerEntry, at: Pick<FilePlace, 'layer' | 'index'>, added: ImageFiles): FilePlace {
    const { kind, sizeBytes, target } = entry;
    const linked = kind === 'Link' && target !== undefined ? (added.get(target) ?? this.files.get(target)) : undefined;
    return linked ?? { ...at, kind, sizeBytes, target };
  }

  #count(entry: LayerEntry, added: number): void {
    this.#pathCharacters += entry.path.length;
    if (this.files.size + added < MAXIMUM_FILES && this.#pathCharacters < MAXIMUM_PATH_CHARACTERS) return;
    const message = `The image holds more than ${MAXIMUM_FILES} files, or names without end; it is not searched for a disk.`;
    throw new ContentError({ reason: 'SnapshotInvalid', message });
  }
}

/** What an entry of a layer hides, when it is there for that. */
function whiteoutOf(path: string): string | undefined {
  const slash = path.lastIndexOf('/');
  const folder = path.slice(0, slash);
  const name = path.slice(slash + 1);
  if (name === OPAQUE) return `${folder}/`;
  return name.startsWith(WHITEOUT) ? `${folder}/${name.slice(WHITEOUT.length)}` : undefined;
}
