import { appendFile, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../scripts/console.ts';
import { volumeFiles } from '../../src/agent/disk/volume-files.ts';
import { handIn } from '../../src/agent/import/inbox.ts';
import type { DiskOrigin, DiskRecord } from '../../src/contract/disk-record.ts';
import { type DiskWorkbench, damage, sha256Of } from '../../test/agent/disk-workbench.ts';
import type { Fixtures, SnapshotShape } from './fixtures.ts';
import { HARDWARE } from './promises.ts';
import { QUARANTINED } from './theirs.ts';
import type { Work } from './victim-order.ts';

/** What a volume must become, however often its preparation is killed. */
export interface Expected {
  /** Of the disk when it was published, which its record says for good. */
  readonly sha256: string;
  /** Of the disk now, where a guest has written to it; `any` while it writes. */
  readonly written?: string;
  readonly origin: DiskOrigin;
  readonly digest?: string;
  readonly hardware?: NonNullable<DiskRecord['hardware']>;
  /** Another content that may be at the disk's place before the end: of a disk that is about to be replaced. */
  readonly before?: string;
  /** The most that may lie in the staging folder, in bytes. */
  readonly stagingBytes: number;
  /** Bytes that must come from a registry. */
  readonly fetchedBytes?: number;
  /** Whether {@link QUARANTINED} lies in the quarantine, and must stay. */
  readonly quarantined?: boolean;
  /** A disk that must be there at any moment, at its place or in the quarantine: its sha256. */
  readonly preserved?: string;
  /** Texts that must be somewhere in the quarantine at the end. */
  readonly kept?: readonly string[];
}

/** One way for a machine to come by its disk. */
export interface Scenario {
  readonly name: string;
  /** What runs while it is killed. */
  readonly work: Work;
  /** Makes the plan and the volume as they are before. */
  readonly begin: (bench: DiskWorkbench, fixtures: Fixtures) => Promise<Expected>;
}

/** Room for tables and small files. */
const SLACK_BYTES = 1024 ** 2;
const DISK_BYTES = 4.5 * 1024 ** 2;

export const scenarios: readonly Scenario[] = [
  { name: 'builtin', work: 'Prepare', begin: builtin },
  ...(['chunked', 'titled', 'gzip', 'zstd'] as const).map(
    (shape): Scenario => ({
      name: shape,
      work: 'Prepare',
      begin: (bench, fixtures) => snapshot(bench, fixtures, shape),
    }),
  ),
  { name: 'handed-in', work: 'Prepare', begin: handedIn },
  { name: 'import', work: 'Import', begin: importing },
  { name: 'import-and-prepare', work: 'Both', begin: importing },
  { name: 'disk-gone', work: 'Prepare', begin: diskGone },
  { name: 'refill', work: 'Prepare', begin: refill },
  { name: 'reprovision', work: 'Prepare', begin: reprovision },
  { name: 'adoption', work: 'Prepare', begin: adoption },
  { name: 'start', work: 'Start', begin: life },
  { name: 'ready', work: 'Prepare', begin: ready },
];

/** @throws UserError when there is none of this name */
export function scenarioOf(name: string): Scenario {
  const scenario = scenarios.find((candidate) => candidate.name === name);
  if (scenario !== undefined) return scenario;
  throw new UserError(`no scenario ${name}; there are ${scenarios.map((candidate) => candidate.name).join(', ')}`);
}

async function builtin(bench: DiskWorkbench, { disk, sha256 }: Fixtures): Promise<Expected> {
  await bench.plan({ builtinPath: disk });
  return { sha256, origin: 'Builtin', stagingBytes: DISK_BYTES + SLACK_BYTES };
}

async function snapshot(
  bench: DiskWorkbench,
  { registry, snapshots }: Fixtures,
  shape: SnapshotShape,
): Promise<Expected> {
  const { registryConfig, registryCA } = bench.paths;
  await mkdir(path.dirname(registryConfig), { recursive: true });
  await mkdir(path.dirname(registryCA), { recursive: true });
  await copyFile(registry.file('right.json'), registryConfig);
  await copyFile(registry.file('ca.crt'), registryCA);
  const { reference, digest, sha256, blobBytes } = snapshots[shape];
  await bench.plan({ mode: 'Hybrid', snapshot: { reference, digest, plainHTTP: false } });
  const stagingBytes = blobBytes + DISK_BYTES + SLACK_BYTES;
  return { sha256, origin: 'Snapshot', digest, fetchedBytes: blobBytes, stagingBytes };
}

/** An import that nobody has published yet. */
async function handedIn(bench: DiskWorkbench, { disk, sha256 }: Fixtures): Promise<Expected> {
  await bench.plan({ source: 'Import' });
  await volumeFiles.makeFolder(bench.volume.staging);
  const id = crypto.randomUUID();
  const file = `import-${id}.partial`;
  await copyFile(disk, path.join(bench.volume.staging, file));
  const facts = await volumeFiles.facts(path.join(bench.volume.staging, file));
  if (facts === undefined) throw new Error('the copy is gone');
  const { inode, sizeBytes } = facts;
  await handIn(volumeFiles, bench.volume, { id, file, sha256, inode, sizeBytes });
  return { sha256, origin: 'Imported', stagingBytes: DISK_BYTES + SLACK_BYTES };
}

async function importing(bench: DiskWorkbench, { sha256 }: Fixtures): Promise<Expected> {
  await bench.plan({ source: 'Import' });
  return { sha256, origin: 'Imported', stagingBytes: DISK_BYTES + SLACK_BYTES };
}

/** A guest will write to the disk. */
async function life(bench: DiskWorkbench, fixtures: Fixtures): Promise<Expected> {
  return { ...(await builtin(bench, fixtures)), written: 'any' };
}

/** A machine that has run before. */
async function ready(bench: DiskWorkbench, fixtures: Fixtures): Promise<Expected> {
  const expected = await builtin(bench, fixtures);
  await quarantine(bench);
  const opened = await bench.open();
  await opened.update({ hardware: HARDWARE });
  await opened.close();
  return { ...expected, hardware: HARDWARE, quarantined: true };
}

async function quarantine(bench: DiskWorkbench): Promise<void> {
  await mkdir(bench.volume.quarantine, { recursive: true });
  await writeFile(path.join(bench.volume.quarantine, QUARANTINED.name), QUARANTINED.content);
}

/** Somebody removed the disk of a machine: the new one finds the hardware that the guest knew. */
async function diskGone(bench: DiskWorkbench, fixtures: Fixtures): Promise<Expected> {
  const expected = await ready(bench, fixtures);
  await rm(bench.volume.disk);
  return expected;
}

/** An Ephemeral machine that was killed: the disk it wrote to is made anew. */
async function refill(bench: DiskWorkbench, fixtures: Fixtures): Promise<Expected> {
  const expected = await builtin(bench, fixtures);
  await quarantine(bench);
  await bench.plan({ builtinPath: fixtures.disk, mode: 'Ephemeral' });
  const opened = await bench.open();
  await opened.update({ state: 'Running' });
  await opened.close();
  await appendFile(bench.volume.disk, 'what the guest wrote');
  return { ...expected, quarantined: true, before: await sha256Of(bench.volume.disk) };
}

/** A machine that was killed, and whose disk is damaged: it is put aside for another. */
async function reprovision(bench: DiskWorkbench, fixtures: Fixtures): Promise<Expected> {
  const expected = await builtin(bench, fixtures);
  await bench.plan({ builtinPath: fixtures.disk, onCorruption: 'Reprovision' });
  const opened = await bench.open();
  await opened.update({ hardware: HARDWARE, state: 'Running' });
  await opened.close();
  const record = await volumeFiles.readText(bench.volume.record);
  await damage(bench.volume.disk);
  const damaged = await sha256Of(bench.volume.disk);
  const kept = record === undefined ? [] : [record];
  return { ...expected, hardware: HARDWARE, before: damaged, preserved: damaged, kept };
}

/** Somebody put a disk of their own in the place of a machine's. */
async function adoption(bench: DiskWorkbench, fixtures: Fixtures): Promise<Expected> {
  await ready(bench, fixtures);
  const record = await volumeFiles.readText(bench.volume.record);
  const own = path.join(bench.root, 'own.qcow2');
  await copyFile(fixtures.disk, own);
  await appendFile(own, 'a disk of their own');
  // Made elsewhere and moved here, so that it can't get the inode of the one before.
  await writeFile(`${bench.volume.disk}.own`, '');
  await copyFile(own, `${bench.volume.disk}.own`);
  await rm(bench.volume.disk);
  await volumeFiles.rename(`${bench.volume.disk}.own`, bench.volume.disk);
  return {
    sha256: await sha256Of(own),
    origin: 'Imported',
    hardware: HARDWARE,
    quarantined: true,
    stagingBytes: SLACK_BYTES,
    kept: record === undefined ? [] : [record],
  };
}
