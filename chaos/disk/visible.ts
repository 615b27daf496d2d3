import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readRecord } from '../../src/agent/disk/record.ts';
import type { Volume } from '../../src/agent/disk/volume.ts';
import { type VolumeFiles, volumeFiles } from '../../src/agent/disk/volume-files.ts';
import type { DiskRecord } from '../../src/contract/disk-record.ts';
import { sha256Of } from '../../test/agent/disk-workbench.ts';
import type { Expected } from './scenarios.ts';
import { QUARANTINED, USER_FILE } from './theirs.ts';

/** What was found where it must not be (`Wrong`), or not found where it must be (`Lost`). */
export interface Finding {
  readonly kind: 'Wrong' | 'Lost';
  readonly what: string;
}

/** The record, and a new text of it that nobody has given its name: the next text takes its place. */
const HARMLESS: ReadonlySet<string> = new Set(['disk.json', 'disk.json.staged']);

const wrong = (what: string): Finding => ({ kind: 'Wrong', what });
const lost = (what: string): Finding => ({ kind: 'Lost', what });

/**
 * Looks at a volume after a kill, before anything is started again: a disk that is visible must be a whole verified one
 * with its true origin beside it, in the record or in the one that is about to become it.
 */
export async function checkVisible(volume: Volume, expected: Expected, files = volumeFiles): Promise<Finding[]> {
  const findings = await checkOthersFiles(volume, expected);
  if ((await files.facts(volume.disk)) === undefined) {
    if (isOwn(expected)) findings.push(lost("the user's own disk"));
    return findings;
  }
  const sha256 = await sha256Of(volume.disk);
  // A disk of the user's own is theirs before its record says so.
  const own = isOwn(expected);
  if (own && sha256 === expected.sha256) return findings;
  if (!rightBytes(sha256, expected) && sha256 !== expected.before)
    return [...findings, wrong(`the visible disk has sha256 ${sha256}`)];
  const told = await recordsOfDisk(files, volume);
  if (told.length === 0) findings.push(wrong("the visible disk has no record: it would count as a person's own"));
  if (sha256 === expected.before) return findings;
  return [...findings, ...told.flatMap((record) => compareRecord(record, expected))];
}

/** Whether the disk is one that a person put there: it must never be away. */
function isOwn({ kept, preserved }: Expected): boolean {
  return kept !== undefined && preserved === undefined;
}

function rightBytes(sha256: string, { sha256: published, written = published }: Expected): boolean {
  return written === 'any' || sha256 === written;
}

async function recordsOfDisk(files: VolumeFiles, volume: Volume): Promise<DiskRecord[]> {
  const disk = await files.facts(volume.disk);
  const reads = [await readRecord(files, volume.record), await readRecord(files, volume.nextRecord)];
  return reads.flatMap((read) => (read.kind === 'Record' && read.record.inode === disk?.inode ? [read.record] : []));
}

function compareRecord(record: DiskRecord, expected: Expected): Finding[] {
  const findings: Finding[] = [];
  if (record.sha256 !== expected.sha256) findings.push(wrong(`the record says sha256 ${record.sha256}`));
  if (record.origin !== expected.origin) findings.push(wrong(`the record says origin ${record.origin}`));
  if (record.source.digest !== expected.digest) findings.push(wrong(`the record says digest ${record.source.digest}`));
  if (expected.hardware !== undefined && record.hardware?.macAddress !== expected.hardware.macAddress) {
    findings.push(lost('the hardware that the guest knows'));
  }
  return findings;
}

async function checkOthersFiles(volume: Volume, expected: Expected): Promise<Finding[]> {
  const findings: Finding[] = [];
  const theirs = [[path.join(volume.root, USER_FILE.name), USER_FILE.content]] as [string, string][];
  if (expected.quarantined === true) {
    theirs.push([path.join(volume.quarantine, QUARANTINED.name), QUARANTINED.content]);
  }
  for (const [file, content] of theirs) {
    if ((await volumeFiles.readText(file)) !== content)
      findings.push(lost(`${path.basename(file)} was changed or removed`));
  }
  if (expected.preserved !== undefined && !(await holdsDisk(volume, expected.preserved))) {
    findings.push(lost('the damaged disk'));
  }
  return findings;
}

/** Whether a disk with these bytes is at its place or in the quarantine. */
async function holdsDisk(volume: Volume, sha256: string): Promise<boolean> {
  const files = await quarantinedFiles(volume);
  if ((await volumeFiles.facts(volume.disk)) !== undefined) files.push(volume.disk);
  for (const file of files) if ((await sha256Of(file)) === sha256) return true;
  return false;
}

/** Looks at a volume after the last start has said that its disk is ready. */
export async function checkEnd(volume: Volume, expected: Expected, files = volumeFiles): Promise<Finding[]> {
  const findings = await checkOthersFiles(volume, expected);
  if ((await files.facts(volume.disk)) === undefined) return [...findings, lost('there is no disk')];
  const sha256 = await sha256Of(volume.disk);
  if (!rightBytes(sha256, expected)) findings.push(wrong(`the disk has sha256 ${sha256}`));
  const read = await readRecord(files, volume.record);
  if (read.kind !== 'Record') return [...findings, wrong('there is no record')];
  const disk = await files.facts(volume.disk);
  if (read.record.inode !== disk?.inode) findings.push(wrong('the record is of another file'));
  findings.push(...compareRecord(read.record, expected));
  const staged = await files.list(volume.staging);
  if (staged.length > 0) findings.push(wrong(`the staging folder still holds ${staged.join(', ')}`));
  const left = (await files.list(volume.folder)).filter((name) => name.startsWith('disk.') && !HARMLESS.has(name));
  if (left.length > 0) findings.push(wrong(`left behind: ${left.join(', ')}`));
  if (expected.preserved !== undefined && read.record.predecessor === undefined) {
    findings.push(lost('what the record says of the damaged disk'));
  }
  for (const text of expected.kept ?? []) {
    if (!(await quarantineHolds(volume, text))) findings.push(lost('the record of the disk before'));
  }
  return findings;
}

async function quarantineHolds(volume: Volume, text: string): Promise<boolean> {
  for (const file of await quarantinedFiles(volume)) {
    if (file.endsWith('.json') && isDeepStrictEqual(parsed(await readFile(file, 'utf8')), parsed(text))) return true;
  }
  return false;
}

/** A record may be written in another order. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function quarantinedFiles({ quarantine }: Volume): Promise<string[]> {
  const below = await readdir(quarantine, { recursive: true, withFileTypes: true }).catch(() => []);
  return below.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

/** Bytes that a folder takes on its file system. */
export async function allocatedBytes(folder: string): Promise<number> {
  const names = (await readdir(folder, { recursive: true }).catch(() => [])) as string[];
  let bytes = 0;
  for (const name of names) {
    const facts = await stat(path.join(folder, name)).catch(() => undefined);
    bytes += (facts?.blocks ?? 0) * 512;
  }
  return bytes;
}
