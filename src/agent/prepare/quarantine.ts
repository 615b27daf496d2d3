import { randomUUID } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { type DiskRecord, type Predecessor, predecessorSchema } from '../../contract/disk-record.ts';
import { recordText } from '../disk/record.ts';
import type { Volume } from '../disk/volume.ts';
import type { VolumeFiles } from '../disk/volume-files.ts';
import type { Clock } from '../environment.ts';
import type { Failure } from '../failure.ts';

/** The files of one quarantined disk, in a folder of its own. Nothing in `.loco/quarantine/` is ever deleted by us. */
const RECORD = 'disk.json';
const WHY = 'why.json';
/** A record alone, whose disk is gone. */
const KEPT_RECORD = /^disk\..*\.json$/;

interface QuarantineOptions {
  readonly files: VolumeFiles;
  readonly volume: Volume;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * Moves a damaged disk into `.loco/quarantine/<time>-<id>/`, beside a copy of its record and the reason. The steps and
 * what a kill after each leaves behind:
 * 1. the folder, with the record's copy and the reason, is durable: the disk is where it was, is found damaged again,
 *    and the same folder is used;
 * 2. the disk has its name in there: `.loco/disk.json` still describes the disk that is gone, so the next start finds
 *    it here by its id ({@link quarantinedDisk}), as it does now;
 * 3. both folders are durable.
 * The record goes when that of the next disk takes its name. The folder has no disk yet, so the rename replaces none.
 */
export async function quarantineDisk(
  { files, volume, clock }: QuarantineOptions,
  record: DiskRecord,
  failure: Failure,
): Promise<Predecessor> {
  const folder = (await unfinishedFolder(files, volume, record.id)) ?? newFolder(volume, clock, record.id);
  const target = path.join(folder, path.basename(volume.disk));
  const why: Predecessor = { path: target, ...failure, at: new Date(clock.now()).toISOString() };
  await files.makeFolder(folder);
  await writeDurably(files, path.join(folder, RECORD), recordText(record));
  await writeDurably(files, path.join(folder, WHY), `${JSON.stringify(why, null, 2)}\n`);
  for (const name of [folder, volume.quarantine, volume.folder]) await files.syncFolder(name);
  await files.rename(volume.disk, target);
  // The new name before the old one's end: at no moment of a power cut the file has none.
  for (const name of [folder, volume.root]) await files.syncFolder(name);
  return why;
}

/** Whether the disk's name is a symbolic link: moved, a relative one would lead nowhere. */
export async function isLink({ disk }: Volume): Promise<boolean> {
  return (await lstat(disk)).isSymbolicLink();
}

/** The disk with this id in quarantine, the last one if it was there more than once; undefined when it isn't there. */
export async function quarantinedDisk(
  files: VolumeFiles,
  volume: Volume,
  id: string,
): Promise<Predecessor | undefined> {
  for (const folder of (await foldersOf(files, volume, id)).toReversed()) {
    if ((await files.facts(path.join(folder, path.basename(volume.disk)))) === undefined) continue;
    const why = predecessorSchema.safeParse(parseJson(await files.readText(path.join(folder, WHY))));
    if (why.success) return why.data;
  }
  return undefined;
}

/** Oldest first: the names begin with the time. */
async function foldersOf(files: VolumeFiles, volume: Volume, id: string): Promise<string[]> {
  const names = (await files.list(volume.quarantine)).filter((name) => name.endsWith(`-${id}`)).toSorted();
  return names.map((name) => path.join(volume.quarantine, name));
}

async function unfinishedFolder(files: VolumeFiles, volume: Volume, id: string): Promise<string | undefined> {
  for (const folder of await foldersOf(files, volume, id)) {
    if (!(await files.list(folder)).includes(path.basename(volume.disk))) return folder;
  }
  return undefined;
}

function newFolder(volume: Volume, clock: Pick<Clock, 'now'>, id: string): string {
  return path.join(volume.quarantine, `${stamp(clock)}-${id}`);
}

/**
 * Keeps a copy of a record that doesn't describe the disk on the volume (any more) in `.loco/quarantine/`, before
 * another takes its place.
 * @returns where the copy is
 */
export async function keepRecord(
  files: VolumeFiles,
  volume: Volume,
  clock: Pick<Clock, 'now'>,
): Promise<string | undefined> {
  const text = await files.readText(volume.record);
  if (text === undefined) return undefined;
  const newest = (await files.list(volume.quarantine))
    .filter((name) => KEPT_RECORD.test(name))
    .toSorted()
    .at(-1);
  // An attempt that fails after this is made again and again.
  if (newest !== undefined) {
    const kept = path.join(volume.quarantine, newest);
    if ((await files.readText(kept)) === text) return kept;
  }
  await files.makeFolder(volume.quarantine);
  const target = path.join(volume.quarantine, `disk.${stamp(clock)}.${randomUUID().slice(0, 8)}.json`);
  await writeDurably(files, target, text);
  await files.syncFolder(volume.quarantine);
  return target;
}

async function writeDurably(files: VolumeFiles, name: string, text: string): Promise<void> {
  await files.writeText(name, text);
  await files.syncFile(name);
}

function stamp(clock: Pick<Clock, 'now'>): string {
  return new Date(clock.now()).toISOString().replaceAll(':', '-');
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    // Cut by a full volume, or written by nobody of ours: as if it weren't there.
    return undefined;
  }
}
