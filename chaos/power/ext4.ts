import { copyFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { readRecord } from '../../src/agent/disk/record.ts';
import { volumeFiles } from '../../src/agent/disk/volume-files.ts';
import { DiskWorkbench } from '../../test/agent/disk-workbench.ts';
import type { Fixtures } from '../disk/fixtures.ts';
import { beginScenario, orderOf } from '../disk/kill-point.ts';
import type { Scenario } from '../disk/scenarios.ts';
import { startAgain } from '../disk/start-again.ts';
import type { StepKill } from '../disk/victim-order.ts';
import { checkEnd, checkVisible, type Finding } from '../disk/visible.ts';
import { mountImage, mountNewExt4 } from '../volume.ts';

const victim = fileURLToPath(new URL('../disk/victim.ts', import.meta.url));
const VOLUME_MEBIBYTES = 64;

/**
 * How ext4 is mounted: as kubelet does it, and as little kind as is legal: no order between content and names, none of
 * the help for programs that forget to sync, nothing written by itself for minutes.
 */
export const EXT4_OPTIONS = {
  plain: 'defaults',
  unkind: 'data=writeback,noauto_da_alloc,commit=300',
} as const;

export interface Ext4Cut {
  readonly scenario: Scenario;
  readonly mount: keyof typeof EXT4_OPTIONS;
  /** When the power fails; when the work is done, unless told. */
  readonly kill?: StepKill;
  /** Files and folders on the volume whose syncs aren't done, by path below it; `all` for every one. */
  readonly without?: readonly string[] | 'all';
}

/**
 * Runs a scenario on a real ext4, kills it, copies the file system's file as the disk would be after a power cut at
 * that moment (what wasn't written back is lost with the memory), repairs and mounts the copy, and starts again on it.
 */
export async function cutExt4(cut: Ext4Cut, fixtures: Fixtures): Promise<Finding[]> {
  const bench = await DiskWorkbench.create();
  const image = path.join(bench.root, 'volume.ext4');
  const after = path.join(bench.root, 'after.ext4');
  const { root } = bench.volume;
  const options = EXT4_OPTIONS[cut.mount];
  await mountNewExt4(image, root, VOLUME_MEBIBYTES, options);
  try {
    await rm(path.join(root, 'lost+found'), { recursive: true });
    const expected = await beginScenario(cut.scenario, bench, fixtures);
    await execa('sync', ['-f', root]);
    const finished = await runUntilCut(cut, bench, fixtures);
    await copyFile(image, after);
    const promised = finished ? await readRecord(volumeFiles, bench.volume.record) : undefined;
    await execa('umount', [root]);
    // 1: errors were corrected, which is what it is for.
    const repair = await execa('e2fsck', ['-fy', after], { reject: false });
    if (repair.exitCode === undefined || repair.exitCode > 1) throw new Error(`e2fsck: ${repair.stdout}`);
    await mountImage(after, root, options);
    const findings = await checkVisible(bench.volume, expected);
    if (findings.length > 0) return findings;
    findings.push(...(await startAgain(bench, fixtures)), ...(await checkEnd(bench.volume, expected)));
    const record = await readRecord(volumeFiles, bench.volume.record);
    if (promised?.kind === 'Record' && (record.kind !== 'Record' || record.record.id !== promised.record.id)) {
      findings.push({ kind: 'Lost', what: 'the disk that was said to be ready' });
    }
    return findings;
  } finally {
    await execa('umount', [root]);
    await bench[Symbol.asyncDispose]();
  }
}

/** @returns whether it came to its end */
async function runUntilCut(cut: Ext4Cut, bench: DiskWorkbench, fixtures: Fixtures): Promise<boolean> {
  const order = { ...orderOf(cut.scenario, bench, fixtures), ...(cut.kill === undefined ? {} : { kill: cut.kill }) };
  const command = [process.execPath, victim, JSON.stringify(order)];
  const [program = '', ...args] = [...wrapper(cut, bench), ...command];
  const ended = await execa(program, args, { detached: true, reject: false, stdin: 'ignore' });
  if (ended.exitCode !== 0 && ended.signal !== 'SIGKILL') throw new Error(`the victim failed: ${ended.stderr}`);
  return ended.exitCode === 0;
}

/** strace lets calls end with success that were never made. */
function wrapper({ without }: Ext4Cut, { volume }: DiskWorkbench): string[] {
  if (without === undefined) return [];
  const paths = without === 'all' ? [] : without.flatMap((name) => ['-P', path.join(volume.root, name)]);
  const calls = 'fsync,fdatasync,syncfs';
  return ['strace', '-f', '-qq', '-o', '/dev/null', ...paths, '-e', `trace=${calls}`, '-e', `inject=${calls}:retval=0`];
}
