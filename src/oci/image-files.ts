import type { LayerEntry } from './layer-tar.ts';
import type { Descriptor } from './manifest.ts';

/** Where a file's content lies: the n-th entry of a layer. */
export interface FilePlace {
  readonly layer: Descriptor;
  readonly index: number;
  readonly kind: LayerEntry['kind'];
  readonly sizeBytes: number;
  /** What a symbolic link says, as it stands there. */
  readonly target?: string | undefined;
}

/** An image's files by their absolute paths. */
export type ImageFiles = Map<string, FilePlace>;

const MAXIMUM_LINKS = 40;

/** Removes the paths, and all below them; a path that ends in a slash means only what is below it. */
export function hide(files: ImageFiles, paths: readonly string[]): void {
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

/**
 * Follows symbolic links, of the file and of the folders on the way, as in a container of the image: its root is `/`,
 * and nothing leads out of it.
 * @returns the path of what is no link; undefined when that isn't there or the links go round in a circle
 */
export function followLinks(files: ImageFiles, path: string): string | undefined {
  const left = path.split('/').reverse();
  let at = '';
  for (let links = 0; left.length > 0; ) {
    const part = left.pop() ?? '';
    if (part === '' || part === '.') continue;
    if (part === '..') {
      at = at.slice(0, Math.max(0, at.lastIndexOf('/')));
      continue;
    }
    const place = files.get(`${at}/${part}`);
    if (place?.kind !== 'Symlink') {
      at = `${at}/${part}`;
      continue;
    }
    links += 1;
    if (links > MAXIMUM_LINKS) return undefined;
    const target = place.target ?? '';
    if (target.startsWith('/')) at = '';
    left.push(...target.split('/').reverse());
  }
  return files.has(at) ? at : undefined;
}
