import path from 'node:path';
import { z } from 'zod';
import { reasonSchema } from '../../contract/reason.ts';
import type { Volume } from '../disk/volume.ts';
import { replaceText, type VolumeFiles } from '../disk/volume-files.ts';
import type { Failure } from '../failure.ts';

/**
 * How an import hands its disk to the preparation, which holds the volume's lock:
 * 1. `staging/import-<id>.partial` is written, made durable and inspected by the import;
 * 2. `staging/import.json` names it (the import holds `.loco/import.lock`, so there is one at most);
 * 3. the preparation publishes it under the same id, or writes `staging/import.refused.json`, and removes the rest;
 * 4. the import sees its id in the disk's record, or the refusal, and says so.
 */
export const parcelSchema = z.object({
  id: z.uuid(),
  file: z.string().regex(/^import-[0-9a-f-]+\.partial$/),
  inode: z.int(),
  sizeBytes: z.int(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

export type Parcel = z.infer<typeof parcelSchema>;

const refusalSchema = z.object({ id: z.uuid(), reason: reasonSchema, message: z.string() });

export type Refusal = z.infer<typeof refusalSchema>;

export const PARTIAL_NAME = /^import-.*\.partial$/;

export function inboxFile(volume: Volume): string {
  return path.join(volume.staging, 'import.json');
}

function refusalFile(volume: Volume): string {
  return path.join(volume.staging, 'import.refused.json');
}

export function partialFile(volume: Volume, id: string): string {
  return path.join(volume.staging, `import-${id}.partial`);
}

export async function readParcel(files: VolumeFiles, volume: Volume): Promise<Parcel | undefined> {
  return parse(parcelSchema, await files.readText(inboxFile(volume)));
}

export async function handIn(files: VolumeFiles, volume: Volume, parcel: Parcel): Promise<void> {
  await files.remove(refusalFile(volume));
  const staged = path.join(volume.staging, `import-${parcel.id}.json`);
  // The staging folder's own name: a power cut must not cost a person the disk that was just sent.
  await files.syncFolder(volume.folder);
  await replaceText(files, inboxFile(volume), `${JSON.stringify(parcel)}\n`, staged);
}

/** Empties the inbox; with a refusal, the import that waits learns of it. */
export async function closeParcel(
  files: VolumeFiles,
  volume: Volume,
  parcel: Parcel,
  refused?: Failure,
): Promise<void> {
  if (refused !== undefined) {
    const text = `${JSON.stringify({ id: parcel.id, ...refused } satisfies Refusal)}\n`;
    await replaceText(files, refusalFile(volume), text, `${refusalFile(volume)}.staged`);
  }
  await files.remove(inboxFile(volume));
  await files.remove(path.join(volume.staging, parcel.file));
}

export async function readRefusal(files: VolumeFiles, volume: Volume): Promise<Refusal | undefined> {
  return parse(refusalSchema, await files.readText(refusalFile(volume)));
}

function parse<T>(schema: z.ZodType<T>, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    // Not JSON: written by nobody of ours.
    return undefined;
  }
}
