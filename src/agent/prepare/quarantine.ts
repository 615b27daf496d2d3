import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Volume } from '../disk/volume.ts';
import type { VolumeFiles } from '../disk/volume-files.ts';
import type { Clock } from '../environment.ts';

/**
 * Keeps a copy of a record that doesn't describe the disk on the volume (any more) in `.loco/quarantine/`, before
 * another takes its place. Nothing in there is ever deleted by us.
 * @returns where the copy is
 */
export async function keepRecord(
  files: VolumeFiles,
  volume: Volume,
  clock: Pick<Clock, 'now'>,
): Promise<string | undefined> {
  const text = await files.readText(volume.record);
  if (text === undefined) return undefined;
  await files.makeFolder(volume.quarantine);
  const stamp = new Date(clock.now()).toISOString().replaceAll(':', '-');
  const target = path.join(volume.quarantine, `disk.${stamp}.${randomUUID().slice(0, 8)}.json`);
  await files.writeText(target, text);
  await files.syncFile(target);
  await files.syncFolder(volume.quarantine);
  return target;
}
