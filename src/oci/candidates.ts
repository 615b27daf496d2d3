import { failed, type OciResult, success } from './failure.ts';

const LISTED = 20;

/**
 * The one file that is the disk: the path that the user named, else the only one that looks like a disk.
 * @param names absolute paths of all files
 */
export function chosenOf(
  names: readonly string[],
  wanted: string | undefined,
  isCandidate: (name: string) => boolean,
): OciResult<string> {
  if (wanted !== undefined) {
    const absolute = wanted.startsWith('/') ? wanted : `/${wanted}`;
    if (names.includes(absolute)) return success(absolute);
    return failed('NoDiskInSnapshot', `The snapshot has no file ${absolute} (disk.snapshot.path). ${listOf(names)}`);
  }
  const candidates = names.filter(isCandidate);
  const [only, ...others] = candidates;
  if (only === undefined) {
    return failed(
      'NoDiskInSnapshot',
      `No disk was found in the snapshot. ${listOf(names)} Name one with disk.snapshot.path.`,
    );
  }
  if (others.length === 0) return success(only);
  return failed(
    'SeveralDisksInSnapshot',
    `The snapshot holds several disks: ${candidates.slice(0, LISTED).join(', ')}. Name one with disk.snapshot.path.`,
  );
}

function listOf(names: readonly string[]): string {
  if (names.length === 0) return 'It holds no file at all.';
  const looksLikeDisk = (name: string) => /\.(?:qcow2|img|raw|vmdk|vdi|vhdx?|builtin|gz|zst)$/.test(name);
  const first = [...names.filter(looksLikeDisk), ...names.filter((name) => !looksLikeDisk(name))].slice(0, LISTED);
  const more = names.length > first.length ? ` and ${names.length - first.length} more` : '';
  return `It holds: ${first.join(', ')}${more}.`;
}
