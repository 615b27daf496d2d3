import { copyFile, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { releaseReserve } from '../../src/agent/disk/reserve.ts';
import { spaceOf } from '../../src/agent/disk/space.ts';
import { volumeFiles } from '../../src/agent/disk/volume-files.ts';
import { systemClock } from '../../src/agent/environment.ts';
import { importDisk } from '../../src/agent/import/index.ts';
import { openDisk } from '../../src/agent/prepare/index.ts';
import { DiskWorkbench, damage, makeDisk, makeFullDisk, recordOf, sha256Of, until } from './disk-workbench.ts';
import { mayMount } from './small-volume.ts';

const MEBIBYTE = 1024 ** 2;

async function benchOn(mebibytes: number): Promise<DiskWorkbench> {
  const bench = await DiskWorkbench.create();
  await bench.mountVolume(mebibytes);
  await bench.plan({});
  return bench;
}

async function freeMiB(bench: DiskWorkbench): Promise<number> {
  return (await spaceOf(bench.paths.images)).freeBytes / MEBIBYTE;
}

describe.skipIf(!mayMount)('a volume that is too small', () => {
  test('is refused before anything is written, with the numbers, and used as soon as there is room', async () => {
    await using bench = await benchOn(64);
    await bench.takeRoom(32);
    await makeFullDisk(bench.builtinPath, 1, 24);
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.phase === 'DiskFailed');
    expect(bench.report.current.reason).toBe('NoSpace');
    expect(bench.report.current.message).toMatch(
      /^The copy of the built-in disk needs 33 MiB on the volume \(25 for the disk, 4 for the reserve, 4 for the file system's tables\); \d+ of \d+ MiB are free\. Make the volume larger by \d+ MiB or more/,
    );
    expect(await volumeFiles.list(bench.volume.staging)).toEqual([]);
    await bench.giveRoom();
    await (await opening)?.close();
    expect(await recordOf(bench)).toMatchObject({ origin: 'Builtin' });
    expect((await stat(bench.volume.reserve)).size).toBe(4 * MEBIBYTE);
  });

  test('takes a disk of holes: what counts is what it holds', async () => {
    await using bench = await benchOn(24);
    const sparse = path.join(bench.root, 'sparse.qcow2');
    await makeDisk(sparse, 1);
    await execa('qemu-io', ['-f', 'qcow2', '-c', 'discard 9M 27M', sparse]);
    await execa('cp', ['--sparse=always', sparse, bench.builtinPath]);
    await execa('truncate', ['-s', '64M', bench.builtinPath]);
    await (await bench.open()).close();
    expect((await stat(bench.paths.disk)).size).toBe(64 * MEBIBYTE);
  });
});

describe.skipIf(!mayMount)('a volume that becomes full', () => {
  test('in the middle of a copy is left without half a copy, and the next attempt goes on when there is room', async () => {
    await using bench = await benchOn(96);
    await makeFullDisk(bench.builtinPath, 1, 40);
    let isFilled = false;
    bench.report.subscribe(({ progress }) => {
      if (progress?.step !== 'Copying' || isFilled) return;
      bench.fillVolume();
      isFilled = true;
    });
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.phase === 'DiskFailed');
    expect(bench.report.current).toMatchObject({
      reason: 'NoSpace',
      message: expect.stringContaining('became full while the disk was written to it'),
    });
    expect(await volumeFiles.list(bench.volume.staging)).toEqual([]);
    expect(await volumeFiles.facts(bench.paths.disk)).toBeUndefined();
    await bench.giveRoom();
    await (await opening)?.close();
    expect(await sha256Of(bench.paths.disk)).toBe(await sha256Of(bench.builtinPath));
  });

  test('behind a machine that was killed is no reason not to start it', async () => {
    await using bench = await benchOn(64);
    await makeDisk(bench.builtinPath, 1);
    const disk = await bench.open();
    await disk.update({ state: 'Running' });
    await disk.close();
    bench.fillVolume();
    expect(await freeMiB(bench)).toBeLessThan(0.1);
    await (await bench.open()).close();
    expect(await recordOf(bench)).toMatchObject({ lastStop: { kind: 'Unclean' }, lastCheck: { result: 'Ok' } });
    // The reserve was given back, and most of it is the guest's.
    expect(await freeMiB(bench)).toBeGreaterThan(3);
  });

  test('still takes the record of the last stop, when the guest has used up the reserve as well', async () => {
    await using bench = await benchOn(64);
    await makeDisk(bench.builtinPath, 1);
    const disk = await bench.open();
    await disk.update({ state: 'Running' });
    await releaseReserve(volumeFiles, bench.volume);
    bench.fillVolume();
    const lastStop = { kind: 'Clean', at: new Date().toISOString(), message: '' } as const;
    await disk.update({ state: 'Stopped', lastStop });
    await disk.close();
    expect(await recordOf(bench)).toMatchObject({ state: 'Stopped', lastStop });
    await bench.giveRoom();
    const again = await bench.open();
    expect(again.record.id).toBe(disk.record.id);
    await again.close();
    expect((await stat(bench.volume.recordReserve)).size).toBe(256 * 1024);
  });

  test('keeps a damaged disk in quarantine, says so, and goes on when there is room for another', async () => {
    await using bench = await benchOn(96);
    await bench.takeRoom(32);
    await makeFullDisk(bench.builtinPath, 1, 30);
    await bench.plan({ onCorruption: 'Reprovision' });
    const disk = await bench.open();
    await disk.update({ state: 'Running' });
    await disk.close();
    await damage(bench.paths.disk);
    const sha256 = await sha256Of(bench.paths.disk);
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.reason === 'NoSpace');
    expect(bench.report.current.message).toContain('The damaged disk (DiskCorrupt) is kept at ');
    await bench.giveRoom();
    await (await opening)?.close();
    const { predecessor } = await recordOf(bench);
    expect(await sha256Of(predecessor?.path ?? '')).toBe(sha256);
  });
});

describe.skipIf(!mayMount)('an import', () => {
  async function waitingBench(mebibytes: number) {
    const bench = await benchOn(mebibytes);
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.phase === 'AwaitingDisk');
    const mine = path.join(bench.root, 'mine.qcow2');
    return { bench, opening, mine };
  }

  async function importOf(bench: DiskWorkbench, bytes: Buffer, onPiece: (at: number) => void = () => undefined) {
    const { result, release } = await importDisk({
      input: (async function* () {
        for (let at = 0; at < bytes.length; at += MEBIBYTE) {
          onPiece(at);
          yield bytes.subarray(at, at + MEBIBYTE);
        }
      })(),
      inputIsTerminal: false,
      say: () => undefined,
      paths: bench.paths,
      variables: {},
      files: volumeFiles,
      clock: systemClock,
      qemuImg: 'qemu-img',
      signal: bench.stop.signal,
    });
    await release();
    return result;
  }

  test('is ended before it fills the volume, with the numbers, and taken when there is room', async () => {
    const { bench, opening, mine } = await waitingBench(96);
    await using _ = bench;
    await bench.takeRoom(64);
    await makeFullDisk(mine, 2, 40);
    const disk = await readFile(mine);
    let least = Number.POSITIVE_INFINITY;
    const result = await importOf(bench, disk, (at) => {
      least = Math.min(least, disk.length - at);
    });
    expect(result).toMatchObject({ ok: false, failure: { reason: 'NoSpace' } });
    if (!result.ok)
      expect(result.failure.message).toMatch(/after \d+ MiB of it, \d+ of \d+ MiB are free, and 8 of them/);
    expect(least).toBeGreaterThan(10 * MEBIBYTE);
    expect(await volumeFiles.list(bench.volume.staging)).toEqual([]);
    await bench.giveRoom();
    expect(await importOf(bench, disk)).toMatchObject({ ok: true });
    await (await opening)?.close();
    expect(await sha256Of(bench.paths.disk)).toBe(await sha256Of(mine));
  });

  test('under which somebody fills the volume leaves nothing behind, and the machine goes on waiting', async () => {
    const { bench, opening, mine } = await waitingBench(64);
    await using _ = bench;
    await makeFullDisk(mine, 2, 24);
    const disk = await readFile(mine);
    const result = await importOf(bench, disk, (at) => {
      // Just after a look at what is free, so that the volume itself has to refuse.
      if (at === 13 * MEBIBYTE) bench.fillVolume();
    });
    expect(result).toMatchObject({ ok: false, failure: { reason: 'NoSpace' } });
    expect(await volumeFiles.list(bench.volume.staging)).toEqual([]);
    await bench.giveRoom();
    expect(await importOf(bench, disk)).toMatchObject({ ok: true });
    await (await opening)?.close();
    expect(await recordOf(bench)).toMatchObject({ origin: 'Imported' });
  });
});

describe.skipIf(!mayMount)('a volume that is mounted read-only', () => {
  test.each(['without a disk', 'with its disk'])(
    'is told of, and used when it can be written to again (%s)',
    async (what) => {
      await using bench = await benchOn(48);
      await makeDisk(bench.builtinPath, 1);
      const before = what === 'with its disk' ? await bench.open() : undefined;
      await before?.close();
      await execa('mount', ['-o', 'remount,ro', bench.paths.images]);
      const opening = openDisk(bench.options());
      await until(() => bench.report.current.phase === 'DiskFailed');
      expect(bench.report.current.reason).toBe('VolumeNotWritable');
      expect(bench.report.current.message).toContain('It must be mounted read-write');
      await execa('mount', ['-o', 'remount,rw', bench.paths.images]);
      const disk = await opening;
      await disk?.close();
      if (before !== undefined) expect(disk?.record.id).toBe(before.record.id);
    },
  );
});

test.skipIf(!mayMount)('a disk that got the inode of the one that was removed shows as another one', async () => {
  await using bench = await benchOn(64);
  await makeDisk(bench.builtinPath, 1);
  const first = await bench.open();
  await first.close();
  const { ino } = await stat(bench.paths.disk);
  const other = path.join(bench.root, 'other.qcow2');
  await makeDisk(other, 9);
  await rm(bench.paths.disk);
  // This file system uses the lowest number that is free.
  for (let index = 0; (await statOf(bench.paths.disk))?.ino !== ino; index += 1) {
    if (index > 0) await volumeFiles.rename(bench.paths.disk, path.join(bench.paths.images, `not-this-${index}`));
    if (index > 100) throw new Error('the number was not used again');
    await copyFile(other, bench.paths.disk);
  }
  const second = await bench.open();
  await second.close();
  expect(second.record).toMatchObject({ inode: first.record.inode, origin: 'Imported' });
  expect(second.record.id).not.toBe(first.record.id);
});

function statOf(name: string) {
  return stat(name).catch(() => undefined);
}
