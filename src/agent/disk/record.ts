import { z } from 'zod';
import type { ReportedDisk } from '../../contract/agent-report.ts';
import { type DiskRecord, diskRecordSchema } from '../../contract/disk-record.ts';
import type { Volume } from './volume.ts';
import { replaceText, type VolumeFiles } from './volume-files.ts';

/** What lies at a record's place. `Newer`: written by a later release in a form that isn't known here. */
export type RecordRead =
  | { readonly kind: 'Absent' }
  | { readonly kind: 'Record'; readonly record: DiskRecord }
  | { readonly kind: 'Newer'; readonly schemaVersion: number }
  | { readonly kind: 'Unreadable'; readonly message: string };

const versionSchema = z.object({ schemaVersion: z.int() });

/** Judges the text of a record. Never throws, whatever the text is. */
export function parseRecord(text: string): RecordRead {
  const json = parseJson(text);
  const version = versionSchema.safeParse(json);
  if (version.success && version.data.schemaVersion > 1) {
    return { kind: 'Newer', schemaVersion: version.data.schemaVersion };
  }
  const parsed = diskRecordSchema.safeParse(json);
  if (parsed.success) return { kind: 'Record', record: parsed.data };
  const issue = parsed.error.issues[0];
  return {
    kind: 'Unreadable',
    message: `${issue?.path.join('.') || 'content'}: ${issue?.message ?? 'not understood'}`,
  };
}

/** Reads the record at `path` (disk.json or disk.json.next). */
export async function readRecord(files: VolumeFiles, path: string): Promise<RecordRead> {
  const text = await files.readText(path);
  return text === undefined ? { kind: 'Absent' } : parseRecord(text);
}

export function recordText(record: DiskRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}

/**
 * Replaces the record, durably and at once. On a full volume it takes the room that is kept for it (reserve.ts): how
 * the machine ended is written down even when its guest has used up all the rest. The caller holds the volume's lock.
 */
export async function writeRecord(files: VolumeFiles, volume: Volume, record: DiskRecord): Promise<void> {
  const write = () => replaceText(files, volume.record, recordText(record), volume.stagedRecord);
  try {
    await write();
  } catch (error) {
    if (!isFull(error)) throw error;
    await files.remove(volume.recordReserve);
    await write();
  }
}

/** Whether an error of the file system says that there is no room. */
export function isFull(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** The record as the agent's report shows it. */
export function reportedDisk(record: DiskRecord): ReportedDisk {
  return {
    id: record.id,
    origin: record.origin,
    digest: record.source.digest ?? `sha256:${record.sha256}`,
    sizeBytes: record.sizeBytes,
    preparedAt: record.preparedAt,
    ...(record.lastCheck === undefined ? {} : { lastCheck: record.lastCheck }),
    ...(record.lastStop === undefined ? {} : { lastStop: record.lastStop }),
    ...(record.predecessor === undefined ? {} : { predecessor: record.predecessor }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
