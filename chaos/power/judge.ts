import { createHash } from 'node:crypto';
import { cp, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { readRecord } from '../../src/agent/disk/record.ts';
import type { VolumeFiles } from '../../src/agent/disk/volume-files.ts';
import { DiskWorkbench } from '../../test/agent/disk-workbench.ts';
import type { Fixtures } from '../disk/fixtures.ts';
import { HARDWARE, PROMISES } from '../disk/promises.ts';
import type { Expected } from '../disk/scenarios.ts';
import { startAgain } from '../disk/start-again.ts';
import { checkEnd, checkVisible, type Finding } from '../disk/visible.ts';
import type { Recording } from './operation.ts';
import { restore } from './restore.ts';
import { everything, type Survivors, surviving } from './survival.ts';

/** A scenario that was recorded. */
export interface Recorded {
  readonly recording: Recording;
  readonly expected: Expected;
  /** The folder with the plan and the mounted secrets. */
  readonly settings: string;
  readonly fixtures: Fixtures;
}

/** Starts a preparation on what a power cut left, and says what was wrong before it and after it. */
export async function judge(
  recorded: Recorded,
  survivors: Survivors,
  promises: readonly string[],
  after: number,
): Promise<Finding[]> {
  const { recording, fixtures, settings } = recorded;
  const expected = expectedNow(recorded, promises);
  const bench = await DiskWorkbench.create();
  try {
    await cp(settings, path.join(bench.root, 'etc'), { recursive: true });
    const files = await restore(recording, survivors, bench.volume.root, after);
    const findings = await checkVisible(bench.volume, expected, files);
    if (after > fetchedBy(recording)) findings.push(...(await checkFetched(bench, expected, files)));
    if (findings.length > 0) return findings;
    findings.push(...(await startAgain(bench, fixtures, { files }, !promises.includes(PROMISES.handed))));
    findings.push(...(await checkEnd(bench.volume, expected, files)));
    findings.push(...(await checkRecord(bench, promises, files)));
    return findings;
  } finally {
    await bench[Symbol.asyncDispose]();
  }
}

/** While a guest writes, its disk may have any of it; when it has shut down, all of it. */
function expectedNow({ recording, expected }: Recorded, promises: readonly string[]): Expected {
  if (promises.includes(PROMISES.stopped)) return { ...expected, written: sha256(finalDisk(recording)) };
  return { ...expected, written: promises.includes(PROMISES.running) ? 'any' : expected.sha256 };
}

function finalDisk(recording: Recording): Buffer {
  const { names, contents } = surviving(recording, everything(recording));
  return contents.get(names.find('win98.qcow2') ?? -1) ?? Buffer.alloc(0);
}

/** The operation from which on all that was fetched is said to be durable: the last sync in the layout. */
function fetchedBy({ operations }: Recording): number {
  const last = operations.findLastIndex(({ kind, ...rest }) => kind === 'Sync' && /layout-/.test(JSON.stringify(rest)));
  return last === -1 ? Number.POSITIVE_INFINITY : last;
}

/** What was fetched from a registry isn't fetched again, as long as the disk isn't made of it. */
async function checkFetched(bench: DiskWorkbench, expected: Expected, files: VolumeFiles): Promise<Finding[]> {
  if (expected.digest === undefined || (await files.facts(bench.volume.disk)) !== undefined) return [];
  const layout = path.join(bench.volume.staging, `layout-${expected.digest.replace(':', '-')}`, 'blobs', 'sha256');
  const blobs = await readdir(layout).catch(() => []);
  // A blob that is the disk itself is moved out of the layout.
  const moved = await readFile(path.join(bench.volume.staging, 'snapshot.partial')).catch(() => Buffer.alloc(0));
  let bytes = sha256(moved) === expected.sha256 ? moved.length : 0;
  for (const name of blobs) {
    const content = await readFile(path.join(layout, name));
    if (sha256(content) === name) bytes += content.length;
  }
  return bytes >= (expected.fetchedBytes ?? 0) ? [] : [{ kind: 'Lost', what: 'what was fetched from the registry' }];
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

async function checkRecord(bench: DiskWorkbench, promises: readonly string[], files: VolumeFiles): Promise<Finding[]> {
  const read = await readRecord(files, bench.volume.record);
  if (read.kind !== 'Record') return [];
  const { record } = read;
  const findings: Finding[] = [];
  const lost = (what: string) => findings.push({ kind: 'Lost', what });
  const ready = promises.find((promise) => promise.startsWith(PROMISES.ready));
  if (ready !== undefined && ready !== `${PROMISES.ready}${record.id}`) lost('the disk that was said to be ready');
  if (promises.includes(PROMISES.running)) {
    if (record.hardware?.macAddress !== HARDWARE.macAddress) lost('the hardware that the guest knows');
    const mayRun = !promises.includes(PROMISES.stopping);
    if (mayRun && record.lastStop?.kind !== 'Unclean') lost('that the guest was running');
  }
  if (promises.includes(PROMISES.stopped) && record.lastStop?.kind !== 'Clean') lost('that the guest shut down');
  return findings;
}
