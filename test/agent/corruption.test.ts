import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, lstat, open, readFile, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { readRecord } from '../../src/agent/disk/record.ts';
import { type VolumeFiles, volumeFiles } from '../../src/agent/disk/volume-files.ts';
import { openDisk } from '../../src/agent/prepare/index.ts';
import type { DiskPlan } from '../../src/contract/disk-plan.ts';
import { type DiskRecord, diskRecordSchema, predecessorSchema } from '../../src/contract/disk-record.ts';
import {
  DiskWorkbench,
  damage,
  inAMinute,
  makeDisk,
  preparedBench,
  recordOf,
  sha256Of,
  until,
} from './disk-workbench.ts';
import { KilledFiles } from './killed-files.ts';

const hardware = { machineType: 'pc-i440fx-7.2', macAddress: '52:54:00:01:02:03' };
const clean = { kind: 'Clean', at: '2026-01-02T03:04:05.000Z', message: '' } as const;

/** Runs the machine once and kills it. */
async function runAndKill(bench: DiskWorkbench): Promise<DiskRecord> {
  const disk = await bench.open();
  await disk.update({ hardware, state: 'Running' });
  await disk.close();
  return disk.record;
}

async function damagedBench(plan: Partial<DiskPlan> = {}): Promise<{ bench: DiskWorkbench; record: DiskRecord }> {
  const bench = await preparedBench(1, plan);
  const record = await runAndKill(bench);
  await damage(bench.paths.disk);
  return { bench, record };
}

/** The one folder in quarantine, and what is in it. */
async function quarantined(bench: DiskWorkbench) {
  const [name, ...others] = await volumeFiles.list(bench.volume.quarantine);
  expect(others).toEqual([]);
  if (name === undefined) throw new Error('nothing is in quarantine');
  const folder = path.join(bench.volume.quarantine, name);
  const read = async (file: string) => JSON.parse(await readFile(path.join(folder, file), 'utf8'));
  return {
    folder,
    disk: path.join(folder, 'win98.qcow2'),
    record: diskRecordSchema.parse(await read('disk.json')),
    why: predecessorSchema.parse(await read('why.json')),
  };
}

describe('a damaged disk', () => {
  test('stays where it is until the plan says Reprovision; then it goes into quarantine and another is made', async () => {
    const { bench, record } = await damagedBench();
    await using _ = bench;
    const sha256 = await sha256Of(bench.paths.disk);
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.phase === 'DiskFailed');
    expect(bench.report.current.reason).toBe('DiskCorrupt');
    expect(bench.report.current.attempts).toEqual([]);
    expect(bench.report.current.message).toContain(`The disk ${bench.paths.disk} is left as it is.`);
    expect(bench.report.current.message).toContain('set disk.onCorruption to Reprovision');
    expect(await volumeFiles.list(bench.volume.quarantine)).toEqual([]);

    await bench.plan({ onCorruption: 'Reprovision' });
    const disk = await opening;
    if (disk === null) throw new Error('no disk');
    const aside = await quarantined(bench);
    expect(path.basename(aside.folder)).toMatch(new RegExp(`^\\d{4}-.*Z-${record.id}$`));
    expect(await sha256Of(aside.disk)).toBe(sha256);
    expect(aside.record).toEqual(record);
    expect(aside.why).toMatchObject({ path: aside.disk, reason: 'DiskCorrupt' });
    expect(disk.record).toMatchObject({ origin: 'Builtin', state: 'Prepared', hardware, predecessor: aside.why });
    expect(disk.record.id).not.toBe(record.id);
    expect(bench.report.current.disk?.predecessor).toEqual(aside.why);
    expect(bench.report.current.message).toContain(`damaged disk (DiskCorrupt), which is kept at ${aside.disk}`);
    await disk.close();
    // It stays known, and in quarantine.
    await (await bench.open()).close();
    expect((await recordOf(bench)).predecessor).toEqual(aside.why);
    expect(await sha256Of(aside.disk)).toBe(sha256);
  });

  test('that can not be replaced yet is told of at every start, and at last by the next disk', async () => {
    const { bench } = await damagedBench({ onCorruption: 'Reprovision' });
    await using _ = bench;
    await rename(bench.builtinPath, `${bench.builtinPath}.away`);
    for (const attempt of ['first', 'second']) {
      const stop = new AbortController();
      const opening = openDisk(bench.options({ signal: stop.signal }));
      await until(() => bench.report.current.phase === 'AwaitingDisk');
      const { disk } = await quarantined(bench);
      expect(bench.report.current.message, attempt).toContain(`The damaged disk (DiskCorrupt) is kept at ${disk}.`);
      expect(bench.report.current.message).toMatch(/loco-agent import < win98.qcow2$/);
      stop.abort();
      await opening;
      bench.report.update({ phase: 'Starting' });
    }
    await rename(`${bench.builtinPath}.away`, bench.builtinPath);
    await (await bench.open()).close();
    expect((await recordOf(bench)).predecessor).toEqual((await quarantined(bench)).why);
  });

  test('that takes the place of one in quarantine gets a place of its own', async () => {
    const { bench } = await damagedBench({ onCorruption: 'Reprovision' });
    await using _ = bench;
    const first = await runAndKill(bench);
    await damage(bench.paths.disk);
    await (await bench.open()).close();
    expect(await volumeFiles.list(bench.volume.quarantine)).toHaveLength(2);
    expect((await recordOf(bench)).predecessor?.path).toContain(first.id);
  });

  test.each<{ how: string; reason: string; harm: (bench: DiskWorkbench) => Promise<void> }>([
    { how: 'cut', reason: 'DiskTruncated', harm: (bench) => truncate(bench.paths.disk, 1024 * 1024) },
    { how: 'emptied', reason: 'DiskNotQcow2', harm: (bench) => truncate(bench.paths.disk, 0) },
    { how: 'overwritten at its start', reason: 'DiskNotQcow2', harm: (bench) => overwrite(bench, 0, 4096) },
    { how: 'with absurd fields', reason: 'DiskHeaderInvalid', harm: (bench) => overwrite(bench, 20, 4) },
    { how: 'broken in its tables', reason: 'DiskCorrupt', harm: (bench) => damage(bench.paths.disk) },
  ])('$how after a clean stop is found by the next start', async ({ reason, harm }) => {
    await using bench = await preparedBench(1, { onCorruption: 'Reprovision' });
    const disk = await bench.open();
    await disk.update({ state: 'Stopped', lastStop: clean });
    await disk.close();
    await harm(bench);
    await (await bench.open({ clock: inAMinute })).close();
    expect((await quarantined(bench)).why.reason).toBe(reason);
    expect((await recordOf(bench)).predecessor?.reason).toBe(reason);
  });
});

async function overwrite(bench: DiskWorkbench, offset: number, bytes: number): Promise<void> {
  await using file = await open(bench.paths.disk, 'r+');
  await file.write(Buffer.alloc(bytes, 0xff), 0, bytes, offset);
}

describe('a disk that somebody copies over the one that is there', () => {
  test.each([
    { mode: 'Persistent', change: { state: 'Stopped', lastStop: clean } },
    { mode: 'Persistent', change: { state: 'Running' } },
    { mode: 'Ephemeral', change: { state: 'Stopped', lastStop: clean } },
  ] as const)('is neither moved nor removed while half of it is there ($mode, $change.state)', async (given) => {
    const { mode, change } = given;
    await using bench = await preparedBench(1, { mode, onCorruption: 'Reprovision' });
    const disk = await bench.open();
    await disk.update(change);
    await disk.close();
    const other = path.join(bench.root, 'other.qcow2');
    await makeDisk(other, 9);
    const whole = await readFile(other);
    await writeFile(bench.paths.disk, whole.subarray(0, whole.length / 2));
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.reason === 'DiskChanging');
    expect(bench.report.current.message).toContain('somebody may be copying a disk there');
    expect(await volumeFiles.list(bench.volume.quarantine)).toEqual([]);
    await writeFile(bench.paths.disk, whole);
    await (await opening)?.close();
    expect(await sha256Of(bench.paths.disk)).toBe(await sha256Of(other));
  });

  test('is not moved when it changed while it was looked at, however old its time is', async () => {
    const { bench } = await damagedBench({ onCorruption: 'Reprovision' });
    await using _ = bench;
    let looks = 0;
    const facts: VolumeFiles['facts'] = async (name) => {
      const found = await volumeFiles.facts(name);
      if (name !== bench.paths.disk || found === undefined) return found;
      looks += 1;
      return { ...found, sizeBytes: found.sizeBytes + looks };
    };
    const opening = openDisk(bench.options({ files: { ...volumeFiles, facts } }));
    await until(() => bench.report.current.reason === 'DiskChanging');
    bench.stop.abort();
    await opening;
    expect(await volumeFiles.list(bench.volume.quarantine)).toEqual([]);
  });

  test('and leaves half of it is put aside, and kept, by an ephemeral machine too', async () => {
    await using bench = await preparedBench(1, { mode: 'Ephemeral', onCorruption: 'Reprovision' });
    const disk = await bench.open();
    await disk.update({ state: 'Stopped', lastStop: clean });
    await disk.close();
    await truncate(bench.paths.disk, 1024 * 1024);
    const half = await sha256Of(bench.paths.disk);
    await (await bench.open({ clock: inAMinute })).close();
    expect(await sha256Of((await quarantined(bench)).disk)).toBe(half);
  });
});

describe('nothing is moved', () => {
  async function expectLeft(bench: DiskWorkbench, reason: string, change = {}): Promise<void> {
    const before = await sha256Of(bench.paths.disk);
    const opening = openDisk(bench.options(change));
    await until(() => bench.report.current.phase === 'DiskFailed');
    expect(bench.report.current.reason).toBe(reason);
    bench.stop.abort();
    await opening;
    expect(await sha256Of(bench.paths.disk)).toBe(before);
    expect((await volumeFiles.list(bench.volume.quarantine)).filter((name) => name.includes('-'))).toEqual([]);
  }

  test("of a user's own disk without a record, broken or not", async () => {
    await using bench = await DiskWorkbench.create();
    await makeDisk(bench.builtinPath, 1);
    await makeDisk(bench.paths.disk, 7);
    await damage(bench.paths.disk);
    await bench.plan({ onCorruption: 'Reprovision' });
    await expectLeft(bench, 'DiskCorrupt');
  });

  test('where a broken disk was put in the place of ours', async () => {
    await using bench = await preparedBench(1, { onCorruption: 'Reprovision' });
    await copyFile(bench.builtinPath, `${bench.paths.disk}.new`);
    await damage(`${bench.paths.disk}.new`);
    await rename(`${bench.paths.disk}.new`, bench.paths.disk);
    await expectLeft(bench, 'DiskCorrupt');
  });

  test('where the disk is a link, which would lead nowhere from another folder', async () => {
    await using bench = await DiskWorkbench.create();
    await makeDisk(bench.builtinPath, 1);
    const mine = path.join(bench.paths.images, 'mine.qcow2');
    await makeDisk(mine, 7);
    await symlink('mine.qcow2', bench.paths.disk);
    await bench.plan({ onCorruption: 'Reprovision' });
    await runAndKill(bench);
    await damage(mine);
    await expectLeft(bench, 'DiskCorrupt');
    expect(bench.report.current.message).toContain('remove the link');
    expect((await lstat(bench.paths.disk)).isSymbolicLink()).toBe(true);
  });

  test('where the check could not be done', async () => {
    await using bench = await preparedBench(1, { onCorruption: 'Reprovision' });
    await runAndKill(bench);
    const qemuImg = path.join(bench.root, 'qemu-img');
    await writeFile(qemuImg, '#!/bin/sh\necho "Could not open: Input/output error" >&2\nexit 1\n', { mode: 0o755 });
    await expectLeft(bench, 'DiskCheckFailed', { programs: { qemuImg, oras: 'oras' } });
  });
});

describe("an ephemeral machine's damaged disk", () => {
  test('stays under Fail, and is made anew under Reprovision, since its volume has no room for two', async () => {
    await using bench = await preparedBench(1, { mode: 'Ephemeral' });
    const disk = await bench.open();
    // Damaged by nobody who wrote to it: its time is the recorded one.
    await utimes(bench.paths.disk, 1000, 1000);
    await disk.update({ state: 'Stopped', lastStop: clean });
    await disk.close();
    await truncate(bench.paths.disk, 1024 * 1024);
    await utimes(bench.paths.disk, 1000, 1000);
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.reason === 'DiskTruncated');
    await bench.plan({ mode: 'Ephemeral', onCorruption: 'Reprovision' });
    await (await opening)?.close();
    expect((await recordOf(bench)).id).not.toBe(disk.record.id);
    expect(await volumeFiles.list(bench.volume.quarantine)).toEqual([]);
  });

  test('is kept, and checked, where a person put it there, and goes into quarantine when it is broken', async () => {
    await using bench = await DiskWorkbench.create();
    await makeDisk(bench.builtinPath, 1);
    await makeDisk(bench.paths.disk, 7);
    await bench.plan({ mode: 'Ephemeral', onCorruption: 'Reprovision' });
    const mine = await runAndKill(bench);
    await (await bench.open()).close();
    expect(await recordOf(bench)).toMatchObject({ id: mine.id, origin: 'Imported', lastStop: { kind: 'Unclean' } });
    await runAndKill(bench);
    await damage(bench.paths.disk);
    await (await bench.open()).close();
    expect(await recordOf(bench)).toMatchObject({ origin: 'Builtin' });
    expect((await quarantined(bench)).record.id).toBe(mine.id);
  });
});

describe('a move into quarantine', () => {
  let builtinPath: string;
  // The reserve has its own tests; without it these are quick.
  const fill: VolumeFiles['fill'] = () => Promise.resolve();

  beforeAll(async () => {
    const bench = await DiskWorkbench.create();
    builtinPath = bench.builtinPath;
    await makeDisk(builtinPath, 3);
    return () => bench[Symbol.asyncDispose]();
  });

  async function benchToMove() {
    const bench = await DiskWorkbench.create();
    await bench.plan({ builtinPath, onCorruption: 'Reprovision' });
    const disk = await bench.open({ files: { ...volumeFiles, fill } });
    await disk.update({ hardware, state: 'Running' });
    await disk.close();
    await damage(bench.paths.disk);
    return { bench, record: disk.record, sha256: await sha256Of(bench.paths.disk) };
  }

  async function killedAfter(bench: DiskWorkbench, steps: number): Promise<number> {
    const stop = new AbortController();
    const killed = new KilledFiles(steps, () => stop.abort());
    const disk = await openDisk(bench.options({ files: killed.files, signal: stop.signal }));
    await disk?.close();
    return killed.steps;
  }

  test('that is killed after any of its steps loses nothing, and is ended by the next start', async () => {
    const whole = await benchToMove();
    const steps = await killedAfter(whole.bench, Number.POSITIVE_INFINITY);
    await whole.bench[Symbol.asyncDispose]();
    expect(steps).toBeGreaterThan(30);
    for (let step = 2; step < steps; step += 4) {
      const { bench, record, sha256 } = await benchToMove();
      await using _ = bench;
      await killedAfter(bench, step);
      await (await bench.open({ files: { ...volumeFiles, fill } })).close();
      const aside = await quarantined(bench);
      expect(await sha256Of(aside.disk), `killed after step ${step}`).toBe(sha256);
      expect(aside.record).toEqual(record);
      expect(await recordOf(bench)).toMatchObject({ origin: 'Builtin', hardware, predecessor: aside.why });
      expect(await sha256Of(bench.paths.disk)).toBe(await sha256Of(builtinPath));
    }
  });
});

describe('an unclean stop', () => {
  test('is checked before anything else, also when the check itself was killed', async () => {
    await using bench = await preparedBench();
    await runAndKill(bench);
    await damage(bench.paths.disk);
    const folder = path.join(bench.root, 'bin');
    const pidFile = path.join(bench.root, 'checking');
    await volumeFiles.makeFolder(folder);
    // Stands for a check that takes long.
    await writeFile(path.join(folder, 'qemu-img'), `#!/bin/sh\necho $$ > ${pidFile}\nexec sleep 60\n`, { mode: 0o755 });
    const program = fileURLToPath(new URL('./preparing.ts', import.meta.url));
    const child = spawn(process.execPath, [program, bench.root], {
      env: { ...process.env, PATH: `${folder}:${process.env['PATH']}` },
      stdio: 'ignore',
    });
    // The shell makes the file before it writes the number into it.
    await until(async () => /^\d+\n/.test((await volumeFiles.readText(pidFile)) ?? ''));
    child.kill('SIGKILL');
    await once(child, 'exit');
    process.kill(Number(await readFile(pidFile, 'utf8')), 'SIGKILL');
    expect(await readRecord(volumeFiles, bench.volume.record)).toMatchObject({ record: { state: 'Running' } });
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.phase === 'DiskFailed');
    expect(bench.report.current.reason).toBe('DiskCorrupt');
    bench.stop.abort();
    expect(await opening).toBeNull();
  });

  test('is found before any source is looked at', async () => {
    await using bench = await preparedBench();
    await runAndKill(bench);
    await rm(bench.builtinPath);
    await (await bench.open()).close();
    expect(await recordOf(bench)).toMatchObject({ lastStop: { kind: 'Unclean' }, lastCheck: { result: 'Ok' } });
  });
});
