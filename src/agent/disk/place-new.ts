import type { VolumeFiles } from './volume-files.ts';

/** What link(2) answers where the file system has no hard links, or none for us (fs.protected_hardlinks). */
const WITHOUT_LINKS: ReadonlySet<unknown> = new Set(['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/**
 * Gives a file a new name, in one step that refuses when something has that name already: rename(2) would replace it.
 * The old name may stay beside the new one, for the caller to remove. Where the file system has no hard links it is
 * looked at and then renamed, and only there somebody could come between.
 * @returns whether the file has the name now
 */
export async function placeNew(files: VolumeFiles, from: string, to: string): Promise<boolean> {
  try {
    await files.link(from, to);
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST') return false;
    if (!WITHOUT_LINKS.has(code)) throw error;
  }
  if ((await files.facts(to)) !== undefined) return false;
  await files.rename(from, to);
  return true;
}
