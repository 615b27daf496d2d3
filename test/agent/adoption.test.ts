import { appendFileSync } from 'node:fs';
import {
  copyFile,
  link,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { writeRecord } from '../../src/agent/disk/record.ts';
import { type VolumeFiles, volumeFiles } from '../../src/agent/disk/volume-files.ts';
import { openDisk } from '../../src/agent/prepare/index.ts';
import type { DiskRecord } from '../../src/contract/disk-record.ts';
import { DiskWorkbench, makeDisk, preparedBench, recordOf, sha256Of, until } from './disk-workbench.ts';
import { KilledFiles } from './killed-files.ts';

const hardware = { machineType: 'pc-i440fx-7.2', macAddress: '52:54:00:01:02:03' };

/** A machine's whole life: started, and shut down by its guest. */
async function runOnce(bench: DiskWorkbench): Promise<DiskRecord> {
  const disk = await bench.open();
  await disk.update({ hardware, state: 'Running' });
  await disk.update({ state: 'Stopped', lastStop: { kind: 'Clean', at: new Date().toISOString(), message: '' } });
  await disk.close();
  return disk.record;
}

async function restart(bench: DiskWorkbench, files: VolumeFiles = volumeFiles): Promise<DiskRecord> {
  await (await bench.open({ files })).close();
  return recordOf(bench);
}

describe('a disk is known again', () => {
  test('after any number of stops and starts', async () => {
    await using bench = await preparedBench();
    const { id } = await runOnce(bench);
    expect((await runOnce(bench)).id).toBe(id);
    expect(await restart(bench)).toMatchObject({ id, origin: 'Builtin' });
  });

  test('when it was moved away and back', async () => {
    await using bench = await preparedBench();
    const { id } = await runOnce(bench);
    await rename(bench.paths.disk, `${bench.paths.disk}.away`);
    await rename(`${bench.paths.disk}.away`, bench.paths.disk);
    expect((await restart(bench)).id).toBe(id);
  });

  test('on a file system that keeps no birth times, and by records of before they were kept', async () => {
    await using bench = await preparedBench();
    const { birthTime, modifiedTime, ...old } = await runOnce(bench);
    expect(birthTime).toMatch(/^\d+$/);
    expect(modifiedTime).toMatch(/^\d+$/);
    await writeRecord(volumeFiles, bench.volume, old);
    expect((await restart(bench)).id).toBe(old.id);
    const facts: VolumeFiles['facts'] = async (name) => {
      const found = await volumeFiles.facts(name);
      if (found === undefined) return undefined;
      const { birthTime: _, ...known } = found;
      return known;
    };
    expect((await restart(bench, { ...volumeFiles, facts })).id).toBe(old.id);
  });

  test('by the last write of a QEMU that never ran its guest', async () => {
    await using bench = await preparedBench();
    const disk = await bench.open();
    await disk.update({ state: 'Running' });
    await execa('qemu-io', ['-f', 'qcow2', '-c', 'write 0 64k', bench.paths.disk]);
    await disk.update({ state: 'Prepared' });
    await disk.close();
    expect((await restart(bench)).id).toBe(disk.record.id);
  });
});

describe('a volume that is emptied behind our back', () => {
  test.each(['all of it', 'the disk alone'])('is filled anew with another disk (%s)', async (what) => {
    await using bench = await preparedBench();
    const { id } = await runOnce(bench);
    if (what === 'all of it') {
      for (const name of await readdir(bench.paths.images)) {
        await rm(path.join(bench.paths.images, name), { recursive: true });
      }
    } else {
      await rm(bench.paths.disk);
    }
    const record = await restart(bench);
    expect(record.id).not.toBe(id);
    expect(record.origin).toBe('Builtin');
    expect(record.hardware).toEqual(what === 'all of it' ? undefined : hardware);
    expect(bench.report.current.disk?.id).toBe(record.id);
  });
});

describe('another disk in the place of ours', () => {
  // Of a machine that was killed nobody knows the last write: there, only the time of birth tells.
  test.each(['shut down', 'killed'])(
    'shows as another one, also with the number of the old inode (%s)',
    async (end) => {
      await using bench = await preparedBench();
      const { id } = await runOnce(bench);
      if (end === 'killed') {
        const disk = await bench.open();
        await disk.update({ state: 'Running' });
        await disk.close();
      }
      const { ino } = await stat(bench.paths.disk);
      const other = path.join(bench.root, 'other.qcow2');
      await makeDisk(other, 9);
      await rm(bench.paths.disk);
      await copyFile(other, bench.paths.disk);
      // A file system may or may not use the number again: here it always does.
      const facts: VolumeFiles['facts'] = async (name) => {
        const found = await volumeFiles.facts(name);
        return found && name === bench.paths.disk ? { ...found, inode: ino } : found;
      };
      const record = await restart(bench, { ...volumeFiles, facts });
      expect(record.id).not.toBe(id);
      expect(record).toMatchObject({ inode: ino, origin: 'Imported', hardware, sha256: await sha256Of(other) });
    },
  );

  test('shows as another one when it was copied over ours, and the report says so', async () => {
    await using bench = await preparedBench();
    const old = await runOnce(bench);
    const other = path.join(bench.root, 'other.qcow2');
    await makeDisk(other, 9);
    await copyFile(other, bench.paths.disk);
    expect((await stat(bench.paths.disk)).ino).toBe(old.inode);
    const record = await restart(bench);
    expect(record.id).not.toBe(old.id);
    expect(record).toMatchObject({ origin: 'Imported', hardware, sha256: await sha256Of(other) });
    expect(bench.report.current.message).toContain('changed on the volume while no machine ran (was: built-in disk');
    // From now on that is the disk.
    expect((await restart(bench)).id).toBe(record.id);
  });

  test.each(['Persistent', 'Ephemeral'] as const)(
    'takes over the hardware alone, and is checked once (%s)',
    async (mode) => {
      await using bench = await preparedBench(1, { mode });
      const predecessor = { path: '/q/d', reason: 'DiskCorrupt', message: '', at: new Date().toISOString() };
      await writeRecord(volumeFiles, bench.volume, { ...(await runOnce(bench)), predecessor });
      const other = path.join(bench.root, 'other.qcow2');
      await makeDisk(other, 9);
      await copyFile(other, bench.paths.disk);
      const checks = path.join(bench.root, 'checks');
      const qemuImg = path.join(bench.root, 'qemu-img');
      await writeFile(qemuImg, `#!/bin/sh\necho x >> ${checks}\nexec qemu-img "$@"\n`, { mode: 0o755 });
      const disk = await bench.open({ programs: { qemuImg, oras: 'oras' } });
      await disk.close();
      expect(disk.record.origin).toBe('Imported');
      expect(disk.record.predecessor).toBeUndefined();
      expect(disk.record.hardware).toEqual(mode === 'Ephemeral' ? undefined : hardware);
      expect(await readFile(checks, 'utf8')).toBe('x\n');
    },
  );

  test('leaves one copy of the record before, however often it is tried for', async () => {
    await using bench = await preparedBench();
    await runOnce(bench);
    await copyFile(bench.builtinPath, `${bench.paths.disk}.new`);
    await rename(`${bench.paths.disk}.new`, bench.paths.disk);
    let failures = 0;
    const syncFile: VolumeFiles['syncFile'] = async (name) => {
      if (name === bench.paths.disk && failures < 2) {
        failures += 1;
        throw new Error('EIO: i/o error, fsync');
      }
      await volumeFiles.syncFile(name);
    };
    await (await bench.open({ files: { ...volumeFiles, syncFile }, random: () => 0 })).close();
    expect(failures).toBe(2);
    expect(await volumeFiles.list(bench.volume.quarantine)).toHaveLength(1);
  });

  test('of a backup that was restored with its record is taken as it is, with the hardware that its guest knows', async () => {
    await using bench = await preparedBench();
    const old = await runOnce(bench);
    const sha256 = await sha256Of(bench.paths.disk);
    const backup = path.join(bench.root, 'backup');
    await execa('cp', ['-a', bench.paths.images, backup]);
    await runOnce(bench);
    await rm(bench.paths.images, { recursive: true });
    await execa('cp', ['-a', backup, bench.paths.images]);
    const record = await restart(bench);
    expect(record.id).not.toBe(old.id);
    expect(record).toMatchObject({ origin: 'Imported', hardware, sha256 });
    expect(await sha256Of(bench.paths.disk)).toBe(sha256);
  });

  test('keeps its own last write in mind: one that is touched later counts as changed', async () => {
    await using bench = await DiskWorkbench.create();
    await makeDisk(bench.paths.disk, 7);
    await bench.plan({});
    const { id } = await restart(bench);
    await utimes(bench.paths.disk, 1, 1);
    expect((await restart(bench)).id).not.toBe(id);
  });
});

test('a disk that is still being written is taken when that has ended', async () => {
  await using bench = await DiskWorkbench.create();
  await makeDisk(bench.paths.disk, 7);
  await bench.plan({});
  let isWriting = true;
  bench.report.subscribe(({ progress }) => {
    // Another byte, while the file is hashed.
    if (isWriting && progress?.step === 'Checking') appendFileSync(bench.paths.disk, 'x');
  });
  const opening = openDisk(bench.options());
  await until(() => bench.report.current.reason === 'DiskChanging');
  expect(bench.report.current.phase).toBe('DiskFailed');
  isWriting = false;
  const disk = await opening;
  await disk?.close();
  expect(disk?.record).toMatchObject({ origin: 'Imported', sha256: await sha256Of(bench.paths.disk) });
});

test('how a machine ended is written down also when its disk was removed under it', async () => {
  await using bench = await preparedBench();
  const disk = await bench.open();
  await disk.update({ state: 'Running' });
  await rm(bench.paths.disk);
  const lastStop = { kind: 'Clean', at: new Date().toISOString(), message: '' } as const;
  await disk.update({ state: 'Stopped', lastStop });
  await disk.close();
  expect(await recordOf(bench)).toMatchObject({ state: 'Stopped', lastStop });
});

describe('publication', () => {
  async function emptyBench(): Promise<DiskWorkbench> {
    const bench = await DiskWorkbench.create();
    await makeDisk(bench.builtinPath, 1);
    await bench.plan({});
    return bench;
  }

  test('never overwrites a disk that somebody puts there at its last moment, and takes that one', async () => {
    await using bench = await emptyBench();
    const mine = path.join(bench.root, 'mine.qcow2');
    await makeDisk(mine, 8);
    const late: VolumeFiles['link'] = async (from, to) => {
      if (to === bench.paths.disk) await copyFile(mine, to);
      await volumeFiles.link(from, to);
    };
    const record = await restart(bench, { ...volumeFiles, link: late });
    expect(record).toMatchObject({ origin: 'Imported', sha256: await sha256Of(mine) });
    expect(await sha256Of(bench.paths.disk)).toBe(await sha256Of(mine));
  });

  test.each(['EPERM', 'EOPNOTSUPP', 'EMLINK'])('works where there are no hard links (%s)', async (code) => {
    await using bench = await emptyBench();
    const none: VolumeFiles['link'] = () => Promise.reject(Object.assign(new Error(code), { code }));
    expect(await restart(bench, { ...volumeFiles, link: none })).toMatchObject({ origin: 'Builtin' });
    const mine = await preparedBench(2);
    await using _ = mine;
    await rm(mine.volume.record);
    expect(await restart(mine, { ...volumeFiles, link: none })).toMatchObject({ origin: 'Imported' });
  });

  test('that is killed when the disk has two names leaves one at the next start', async () => {
    await using bench = await emptyBench();
    let killed: KilledFiles | undefined;
    for (let steps = 1; killed === undefined; steps += 1) {
      const stop = new AbortController();
      const dying = new KilledFiles(steps, () => stop.abort());
      await (await openDisk(bench.options({ files: dying.files, signal: stop.signal })))?.close();
      const names = await stat(bench.paths.disk).catch(() => undefined);
      if (names?.nlink === 2) killed = dying;
      else expect(names).toBeUndefined();
    }
    const record = await restart(bench);
    expect(record.origin).toBe('Builtin');
    expect((await stat(bench.paths.disk)).nlink).toBe(1);
  });

  test('is not tried where the name is that of a link that leads nowhere', async () => {
    await using bench = await emptyBench();
    await symlink('/nowhere/win98.qcow2', bench.paths.disk);
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.phase === 'DiskFailed');
    expect(bench.report.current).toMatchObject({
      reason: 'DiskNotAFile',
      message: expect.stringContaining('a link that leads nowhere'),
    });
    await rm(bench.paths.disk);
    await (await opening)?.close();
    expect((await recordOf(bench)).origin).toBe('Builtin');
  });

  test('of a newer release that was interrupted is left to it', async () => {
    await using bench = await preparedBench();
    const text = JSON.stringify({ schemaVersion: 2, anything: true });
    await volumeFiles.writeText(bench.volume.nextRecord, text);
    await restart(bench);
    expect(await volumeFiles.readText(bench.volume.nextRecord)).toBe(text);
  });
});

test('a disk with a second name elsewhere on the volume is a disk like any other', async () => {
  await using bench = await preparedBench();
  const { id } = await runOnce(bench);
  await link(bench.paths.disk, path.join(bench.paths.images, 'my-own-name.qcow2'));
  expect((await restart(bench)).id).toBe(id);
  await using file = await open(path.join(bench.paths.images, 'my-own-name.qcow2'));
  expect((await file.stat()).nlink).toBe(2);
});
