import { mkdirSync, rmSync } from 'node:fs';
import { copyFile, lstat, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { pino } from 'pino';
import { describe, expect, test, vi } from 'vitest';
import { writeRecord } from '../../src/agent/disk/record.ts';
import { type VolumeFiles, volumeFiles } from '../../src/agent/disk/volume-files.ts';
import { type Clock, systemClock } from '../../src/agent/environment.ts';
import { openDisk } from '../../src/agent/prepare/index.ts';
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

describe('a built-in disk', () => {
  test('becomes the disk of the machine, byte for byte, with its record', async () => {
    await using bench = await preparedBench();
    const sha256 = await sha256Of(bench.builtinPath);
    expect(await sha256Of(bench.paths.disk)).toBe(sha256);
    const record = await recordOf(bench);
    expect(record).toMatchObject({ sha256, origin: 'Builtin', state: 'Prepared', virtualSizeBytes: 64 * 1024 * 1024 });
    expect(record.inode).toBe((await stat(bench.paths.disk)).ino);
    expect(bench.report.current).toMatchObject({
      phase: 'DiskReady',
      disk: { origin: 'Builtin', digest: `sha256:${sha256}` },
    });
    expect(await volumeFiles.list(bench.volume.staging)).toEqual([]);
  });

  test('is not copied again at the next start, whatever the image holds by then', async () => {
    await using bench = await preparedBench();
    const before = await recordOf(bench);
    await makeDisk(bench.builtinPath, 2);
    await (await bench.open()).close();
    expect(await recordOf(bench)).toEqual(before);
  });

  test('that is cut is not used, and an import is waited for', async () => {
    await using bench = await DiskWorkbench.create();
    await makeDisk(bench.builtinPath, 1);
    await truncate(bench.builtinPath, 2_000_000);
    await bench.plan({});
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.phase === 'AwaitingDisk');
    expect(bench.report.current.message).toContain(
      'kubectl exec -i -n games pc-0 -c emulator -- loco-agent import < win98.qcow2',
    );
    expect(bench.report.current.attempts.map(({ source, reason }) => `${source}: ${reason}`)).toEqual([
      'Builtin: DiskTruncated',
      'Import: ImportNeeded',
    ]);
    bench.stop.abort();
    expect(await opening).toBeNull();
    expect(await volumeFiles.facts(bench.paths.disk)).toBeUndefined();
  });

  test('that only qemu-img finds broken is copied once, and looked at again when the image holds another', async () => {
    await using bench = await DiskWorkbench.create();
    await makeDisk(bench.builtinPath, 1);
    await damage(bench.builtinPath);
    await bench.plan({});
    let copies = 0;
    bench.report.subscribe(({ progress }) => {
      if (progress?.step === 'Checking') copies += 1;
    });
    const opening = openDisk(bench.options());
    const isRefused = () => bench.report.current.attempts.some(({ reason }) => reason === 'DiskCorrupt');
    await until(isRefused);
    for (const round of [1, 2]) {
      // An attempt begins at once when the plan is written anew.
      bench.report.update({ attempts: [] });
      await bench.plan({ snapshot: { reference: `r/x:${round}`, plainHTTP: false } });
      await until(isRefused);
    }
    expect(copies).toBe(1);
    await makeDisk(bench.builtinPath, 2);
    await bench.plan({});
    await (await opening)?.close();
    expect((await recordOf(bench)).origin).toBe('Builtin');
  });

  test('may be a link, which is followed, and is told of when it leads nowhere', async () => {
    await using bench = await DiskWorkbench.create();
    const file = `${bench.builtinPath}.1.0`;
    await makeDisk(file, 1);
    await symlink('win98.qcow2.missing', bench.builtinPath);
    await bench.plan({});
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.phase === 'AwaitingDisk');
    expect(bench.report.current.message).toContain("It is a link to win98.qcow2.missing, which isn't there.");
    await rm(bench.builtinPath);
    await symlink(path.basename(file), bench.builtinPath);
    await bench.plan({ snapshot: { reference: 'r/x:y', plainHTTP: false } });
    await (await opening)?.close();
    expect(await recordOf(bench)).toMatchObject({
      sha256: await sha256Of(file),
      source: { description: `built-in disk ${bench.builtinPath}` },
    });
    expect((await lstat(bench.paths.disk)).isFile()).toBe(true);
  });

  test('that its guest could fill beyond an ephemeral volume is refused before it is copied', async () => {
    await using bench = await DiskWorkbench.create();
    await makeDisk(bench.builtinPath, 1);
    await bench.plan({ mode: 'Ephemeral', volumeLimitBytes: 64 * 1024 ** 2 });
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.phase === 'DiskFailed');
    expect(bench.report.current.reason).toBe('VolumeTooSmall');
    expect(await volumeFiles.list(bench.volume.staging)).toEqual([]);
    await bench.plan({ mode: 'Ephemeral', volumeLimitBytes: 141 * 1024 ** 2 });
    await (await opening)?.close();
    expect(await volumeFiles.facts(bench.volume.reserve)).toBeUndefined();
  });

  test.each(['removed', 'replaced by a folder'])(
    'whose copy was %s before it could be checked is copied again, and nothing else is waited for',
    async (what) => {
      await using bench = await DiskWorkbench.create();
      await makeDisk(bench.builtinPath, 1);
      await bench.plan({});
      let isHarmed = false;
      const phases: string[] = [];
      bench.report.subscribe(({ phase, progress }) => {
        phases.push(phase);
        if (isHarmed || progress?.step !== 'Checking') return;
        isHarmed = true;
        const staged = path.join(bench.volume.staging, 'builtin.partial');
        rmSync(staged);
        if (what !== 'removed') mkdirSync(staged);
      });
      await (await bench.open()).close();
      expect(isHarmed).toBe(true);
      expect(phases).not.toContain('AwaitingDisk');
      expect((await recordOf(bench)).origin).toBe('Builtin');
    },
  );

  test('that is missing is a clear failure where nothing else can give a disk', async () => {
    await using bench = await DiskWorkbench.create();
    await bench.plan({ mode: 'Ephemeral' });
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.phase === 'DiskFailed');
    expect(bench.report.current).toMatchObject({ reason: 'BuiltinDiskMissing' });
    expect(bench.report.current.message).toContain(`no built-in disk at ${bench.builtinPath}`);
    // What is put right is seen by itself.
    await makeDisk(bench.builtinPath, 1);
    const disk = await opening;
    expect(disk?.record.origin).toBe('Builtin');
    await disk?.close();
  });
});

describe('a machine that waits for a disk', () => {
  test('outlives a volume that fails meanwhile, says so, and goes on waiting', async () => {
    await using bench = await DiskWorkbench.create();
    await bench.plan({});
    let broken = false;
    const list: VolumeFiles['list'] = (folder) =>
      broken ? Promise.reject(new Error('EIO: i/o error, scandir')) : volumeFiles.list(folder);
    const opening = openDisk(bench.options({ files: { ...volumeFiles, list } }));
    await until(() => bench.report.current.phase === 'AwaitingDisk');
    broken = true;
    await until(() => bench.report.current.reason === 'VolumeFailed');
    expect(bench.report.current).toMatchObject({ phase: 'DiskFailed', message: expect.stringContaining('EIO') });
    broken = false;
    await makeDisk(bench.builtinPath, 1);
    await bench.plan({});
    await (await opening)?.close();
    expect(bench.report.current.phase).toBe('DiskReady');
  });
});

describe('a disk on the volume', () => {
  test('without a record is adopted as it is, and never overwritten', async () => {
    await using bench = await DiskWorkbench.create();
    await makeDisk(bench.builtinPath, 1);
    await makeDisk(bench.paths.disk, 7);
    await bench.plan({});
    const sha256 = await sha256Of(bench.paths.disk);
    await (await bench.open()).close();
    expect(await recordOf(bench)).toMatchObject({
      origin: 'Imported',
      sha256,
      source: { description: 'found on the volume' },
    });
    expect(await sha256Of(bench.paths.disk)).toBe(sha256);
  });

  test('without a record that is no disk is refused and left alone', async () => {
    await using bench = await DiskWorkbench.create();
    await makeDisk(bench.builtinPath, 1);
    await bench.plan({});
    await writeFile(bench.paths.disk, 'my homework');
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.phase === 'DiskFailed');
    expect(bench.report.current.reason).toBe('DiskNotQcow2');
    bench.stop.abort();
    await opening;
    expect(await readFile(bench.paths.disk, 'utf8')).toBe('my homework');
  });

  test('that was swapped for another counts as another disk and keeps the hardware', async () => {
    await using bench = await preparedBench();
    const hardware = { machineType: 'pc-i440fx-7.2', macAddress: '52:54:00:01:02:03' };
    const first = await bench.open();
    await first.update({ hardware });
    await first.close();
    await makeDisk(`${bench.paths.disk}.new`, 9);
    await rename(`${bench.paths.disk}.new`, bench.paths.disk);
    await (await bench.open()).close();
    const record = await recordOf(bench);
    expect(record).toMatchObject({ origin: 'Imported', hardware });
    expect(record.id).not.toBe(first.record.id);
    expect(await volumeFiles.list(bench.volume.quarantine)).toHaveLength(1);
  });

  test('is checked after a machine that was killed, and says so', async () => {
    await using bench = await preparedBench();
    const disk = await bench.open();
    await disk.update({ state: 'Running' });
    await disk.close();
    await (await bench.open()).close();
    expect(await recordOf(bench)).toMatchObject({
      state: 'Prepared',
      lastStop: { kind: 'Unclean' },
      lastCheck: { result: 'Ok' },
    });
  });

  test('has its leaks repaired after an unclean stop, its data untouched', async () => {
    await using bench = await preparedBench();
    const disk = await bench.open();
    await disk.update({ state: 'Running' });
    await disk.close();
    await leak(bench.paths.disk);
    await (await bench.open()).close();
    expect((await recordOf(bench)).lastCheck?.result).toBe('LeaksRepaired');
    await execa('qemu-img', ['check', '-f', 'qcow2', bench.paths.disk]);
    await execa('qemu-img', ['compare', '-f', 'qcow2', '-F', 'qcow2', bench.paths.disk, bench.builtinPath]);
  });

  test('whose repair was killed is checked again, and stays the disk of this machine', async () => {
    await using bench = await preparedBench();
    const disk = await bench.open();
    await disk.update({ state: 'Running' });
    await leak(bench.paths.disk);
    await disk.update({ state: 'Stopped', lastStop: { kind: 'Unclean', at: new Date().toISOString(), message: '' } });
    await disk.close();
    const stop = new AbortController();
    // The repair has written to the disk by then, and the record doesn't say so yet.
    const syncFile: VolumeFiles['syncFile'] = async (name) => {
      if (name === bench.paths.disk) stop.abort();
      if (stop.signal.aborted) throw new Error('killed');
      await volumeFiles.syncFile(name);
    };
    expect(await openDisk(bench.options({ files: { ...volumeFiles, syncFile }, signal: stop.signal }))).toBeNull();
    const { mtimeNs } = await stat(bench.paths.disk, { bigint: true });
    expect(`${mtimeNs}`).not.toBe(disk.record.modifiedTime);
    await (await bench.open()).close();
    expect(await recordOf(bench)).toMatchObject({
      id: disk.record.id,
      origin: 'Builtin',
      modifiedTime: `${mtimeNs}`,
      lastStop: { kind: 'Unclean' },
      lastCheck: { result: 'Ok' },
    });
  });

  test.each([
    { how: 'finds damage', end: `echo '{"corruptions":1}'; exit 2`, reason: 'DiskCorrupt' },
    { how: 'leaves some', end: `echo '{"leaks":1}'; exit 3`, reason: undefined },
  ])('whose repair of leaks $how is not said to be repaired', async ({ end, reason }) => {
    await using bench = await preparedBench();
    const disk = await bench.open();
    await disk.update({ state: 'Running' });
    await disk.close();
    const qemuImg = path.join(bench.root, 'qemu-img');
    const script = `#!/bin/sh\ncase "$*" in *-r*) ${end};; esac\necho '{"leaks":1}'; exit 3\n`;
    await writeFile(qemuImg, script, { mode: 0o755 });
    const opening = openDisk(bench.options({ programs: { qemuImg, oras: 'oras' } }));
    await until(() => ['DiskFailed', 'DiskReady'].includes(bench.report.current.phase));
    expect(bench.report.current.reason).toBe(reason);
    bench.stop.abort();
    await (await opening)?.close();
    expect((await recordOf(bench)).lastCheck?.result).toBe('Ok');
  });

  test('that is damaged is reported and left where it is', async () => {
    await using bench = await preparedBench();
    const disk = await bench.open();
    await disk.update({ state: 'Running' });
    await disk.close();
    await damage(bench.paths.disk);
    const sha256 = await sha256Of(bench.paths.disk);
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.phase === 'DiskFailed');
    expect(bench.report.current.reason).toBe('DiskCorrupt');
    bench.stop.abort();
    await opening;
    expect(await sha256Of(bench.paths.disk)).toBe(sha256);
  });

  test.each([
    { state: 'Stopped', lastStop: { kind: 'Clean', at: '2026-01-02T03:04:05.000Z', message: '' } },
    { state: 'Running' },
  ] as const)('that was cut ($state) is reported and left where it is', async (change) => {
    await using bench = await preparedBench();
    const disk = await bench.open();
    await disk.update(change);
    await disk.close();
    await truncate(bench.paths.disk, disk.record.sizeBytes - 65_536);
    const sha256 = await sha256Of(bench.paths.disk);
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.phase === 'DiskFailed');
    expect(bench.report.current.reason).toBe('DiskTruncated');
    expect(bench.report.current.message).toContain(`The disk ${bench.paths.disk} is left as it is.`);
    bench.stop.abort();
    await opening;
    expect(await sha256Of(bench.paths.disk)).toBe(sha256);
  });

  test.each([
    { state: 'Running', reason: undefined },
    {
      state: 'Stopped',
      lastStop: { kind: 'Clean', at: '2026-01-02T03:04:05.000Z', message: '' },
      reason: 'DiskTruncated',
    },
  ] as const)(
    'whose last write never reached the file is used after a power cut, and only then ($state)',
    async (last) => {
      await using bench = await preparedBench();
      const disk = await bench.open();
      const { reason, ...change } = last;
      await disk.update(change);
      await disk.close();
      await execa('qemu-io', ['-f', 'qcow2', '-c', 'write 60M 64k', bench.paths.disk]);
      const { size } = await stat(bench.paths.disk);
      expect(size).toBeGreaterThan(disk.record.sizeBytes);
      await truncate(bench.paths.disk, size - 4096);
      const opening = openDisk(bench.options());
      await until(() => ['DiskFailed', 'DiskReady'].includes(bench.report.current.phase));
      expect(bench.report.current.reason).toBe(reason);
      bench.stop.abort();
      await (await opening)?.close();
    },
  );

  test.each([
    { end: 'used after a power cut', clusters: 3, clock: inAMinute, reason: undefined },
    // A copy that comes in looks the same.
    { end: 'not used while somebody may be copying it', clusters: 3, clock: systemClock, reason: 'DiskCorrupt' },
    { end: 'damaged: no guest writes that much at once', clusters: 80, clock: inAMinute, reason: 'DiskCorrupt' },
  ])('whose last $clusters clusters never reached the file is $end', async ({ clusters, clock, reason }) => {
    await using bench = await preparedBench();
    const disk = await bench.open();
    await disk.update({ state: 'Running' });
    await disk.close();
    await execa('qemu-io', ['-f', 'qcow2', '-c', 'write 50M 6M', bench.paths.disk]);
    const { size } = await stat(bench.paths.disk);
    await truncate(bench.paths.disk, size - clusters * 65_536);
    const opening = openDisk(bench.options({ clock }));
    await until(() => ['DiskFailed', 'DiskReady'].includes(bench.report.current.phase));
    expect(bench.report.current.reason).toBe(reason);
    bench.stop.abort();
    await (await opening)?.close();
    if (reason !== undefined) return;
    expect(await recordOf(bench)).toMatchObject({ id: disk.record.id, origin: 'Builtin', lastCheck: { result: 'Ok' } });
    expect((await stat(bench.paths.disk)).size).toBe(size);
  });

  test('of an ephemeral machine that was left clean is kept, and made anew otherwise', async () => {
    await using bench = await preparedBench(1, { mode: 'Ephemeral' });
    const first = await bench.open();
    await first.update({ state: 'Stopped', lastStop: { kind: 'Clean', at: new Date().toISOString(), message: '' } });
    await first.close();
    const second = await bench.open();
    expect(second.record.id).toBe(first.record.id);
    await second.update({ state: 'Running' });
    await second.close();
    const third = await bench.open();
    expect(third.record.id).not.toBe(first.record.id);
    expect(third.record).toMatchObject({ state: 'Prepared', origin: 'Builtin' });
    expect(third.record.lastStop).toBeUndefined();
    await third.close();
  });

  test('with the record of a newer release is not touched', async () => {
    await using bench = await preparedBench();
    await writeFile(bench.volume.record, JSON.stringify({ schemaVersion: 2 }));
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.phase === 'DiskFailed');
    expect(bench.report.current.reason).toBe('RecordFromNewerRelease');
    bench.stop.abort();
    await opening;
    expect(await readFile(bench.volume.record, 'utf8')).toBe('{"schemaVersion":2}');
  });
});

describe('an interrupted publication', () => {
  test('is ended when the disk has its name already', async () => {
    await using bench = await preparedBench();
    const before = await recordOf(bench);
    await rename(bench.volume.record, bench.volume.nextRecord);
    await (await bench.open()).close();
    expect(await recordOf(bench)).toEqual(before);
  });

  test('is forgotten when another disk is there', async () => {
    await using bench = await preparedBench();
    await rename(bench.volume.record, bench.volume.nextRecord);
    await copyFile(bench.paths.disk, `${bench.paths.disk}.copy`);
    await rename(`${bench.paths.disk}.copy`, bench.paths.disk);
    await (await bench.open()).close();
    expect((await recordOf(bench)).origin).toBe('Imported');
    expect(await volumeFiles.facts(bench.volume.nextRecord)).toBeUndefined();
  });
});

describe('the lock', () => {
  test('keeps a second machine out, names the first, and lets the second in when that ends', async () => {
    await using bench = await preparedBench();
    const first = await bench.open();
    const second = openDisk(
      bench.options({ environment: { podName: 'pc-1', podNamespace: 'games', podUid: 'uid-2' } }),
    );
    await until(() => bench.report.current.reason === 'VolumeInUse');
    expect(bench.report.current.message).toContain('pod games/pc-0 (uid-1)');
    const told: unknown[] = [];
    bench.report.subscribe(({ phase, reason }) => told.push({ phase, reason }));
    await first.close();
    await (await second)?.close();
    // The other one is out of the report as soon as it is gone.
    expect(told[0]).toEqual({ phase: 'Preparing', reason: undefined });
    expect(bench.report.current.phase).toBe('DiskReady');
  });
});

test('a volume that stays in use is told of once in the log', async () => {
  await using bench = await preparedBench();
  const first = await bench.open();
  let sleeps = 0;
  const sleep: Clock['sleep'] = (milliseconds, signal) => {
    sleeps += 1;
    return systemClock.sleep(Math.min(milliseconds, 10), signal);
  };
  const log = pino({ level: 'silent' });
  const warn = vi.spyOn(log, 'warn');
  const second = openDisk(bench.options({ log, clock: { ...systemClock, sleep } }));
  await until(() => sleeps > 3);
  expect(warn).toHaveBeenCalledTimes(1);
  await first.close();
  await (await second)?.close();
});

describe('a record that is damaged', () => {
  test('does not cost the disk, and is kept aside', async () => {
    await using bench = await preparedBench();
    await writeFile(bench.volume.record, '{');
    await (await bench.open()).close();
    expect((await recordOf(bench)).origin).toBe('Imported');
    expect(await volumeFiles.list(bench.volume.quarantine)).toHaveLength(1);
  });

  test('of a disk that is gone leads to a new disk with the same hardware', async () => {
    await using bench = await preparedBench();
    const hardware = { machineType: 'pc-i440fx-7.2', macAddress: '52:54:00:01:02:03' };
    await writeRecord(volumeFiles, bench.volume, { ...(await recordOf(bench)), hardware });
    await rm(bench.paths.disk);
    await (await bench.open()).close();
    expect(await recordOf(bench)).toMatchObject({ origin: 'Builtin', hardware });
  });
});

/** Appends a cluster that nobody uses and counts it as used: a leak, as an interrupted allocation leaves it. */
async function leak(disk: string): Promise<void> {
  const bytes = await readFile(disk);
  const block = Number(bytes.readBigUInt64BE(Number(bytes.readBigUInt64BE(48))));
  const unused = Math.ceil(bytes.length / 65_536);
  bytes.writeUInt16BE(1, block + unused * 2);
  await writeFile(disk, Buffer.concat([bytes, Buffer.alloc((unused + 1) * 65_536 - bytes.length)]));
}
