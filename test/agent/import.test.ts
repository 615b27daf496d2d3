import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { OpenDisk } from '../../src/agent/disk/open-disk.ts';
import { type VolumeFiles, volumeFiles } from '../../src/agent/disk/volume-files.ts';
import { systemClock } from '../../src/agent/environment.ts';
import { type ImportOptions, importDisk } from '../../src/agent/import/index.ts';
import { openDisk } from '../../src/agent/prepare/index.ts';
import { DiskWorkbench, makeDisk, sha256Of, until } from './disk-workbench.ts';

let bench: DiskWorkbench;
let disk: Buffer;
let opening: Promise<OpenDisk | null>;

beforeEach(async () => {
  bench = await DiskWorkbench.create();
  await makeDisk(`${bench.root}/mine.qcow2`, 5);
  disk = await readFile(`${bench.root}/mine.qcow2`);
  await bench.plan({});
  opening = openDisk(bench.options());
  await until(() => bench.report.current.phase === 'AwaitingDisk');
});

afterEach(async () => {
  bench.stop.abort();
  await (await opening)?.close();
  await bench[Symbol.asyncDispose]();
});

async function* inPieces(bytes: Buffer, pieceBytes = 64 * 1024): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

async function importOf(bytes: Buffer, change: Partial<ImportOptions> = {}) {
  const { result, release } = await importDisk({
    input: inPieces(bytes),
    inputIsTerminal: false,
    say: () => undefined,
    paths: bench.paths,
    variables: {},
    files: volumeFiles,
    clock: systemClock,
    qemuImg: 'qemu-img',
    signal: bench.stop.signal,
    ...change,
  });
  await release();
  return result;
}

describe('an import', () => {
  test('becomes the disk of the machine that waits for it, and the person is told', async () => {
    const result = await importOf(disk);
    expect(result).toMatchObject({ ok: true });
    const opened = await opening;
    expect(opened?.record).toMatchObject({
      origin: 'Imported',
      source: { description: 'imported from standard input' },
    });
    expect(await sha256Of(bench.paths.disk)).toBe(await sha256Of(`${bench.root}/mine.qcow2`));
    expect(bench.report.current.phase).toBe('DiskReady');
    expect(await volumeFiles.list(bench.volume.staging)).toEqual([]);
  });

  test('cut in the middle is refused, and the machine goes on waiting', async () => {
    const result = await importOf(disk.subarray(0, disk.length / 2));
    expect(result).toMatchObject({ ok: false, failure: { reason: 'DiskTruncated' } });
    expect(bench.report.current.phase).toBe('AwaitingDisk');
    expect(await volumeFiles.list(bench.volume.staging)).toEqual([]);
    expect(await importOf(disk)).toMatchObject({ ok: true });
  });

  test('of 4 KiB less than the whole is refused', async () => {
    const result = await importOf(disk.subarray(0, disk.length - 4096));
    expect(result).toMatchObject({ ok: false, failure: { reason: 'DiskTruncated' } });
  });

  test('of another format is refused after its first bytes, with the line that converts it', async () => {
    let read = 0;
    const endless = (async function* () {
      for (;;) {
        read += 1;
        yield Buffer.concat([Buffer.from('KDMV'), Buffer.alloc(4092)]);
      }
    })();
    const result = await importOf(disk, { input: endless });
    expect(result).toMatchObject({ ok: false, failure: { reason: 'DiskNotQcow2' } });
    if (!result.ok) expect(result.failure.message).toContain('VMDK image. Convert it: qemu-img convert -O qcow2');
    expect(read).toBeLessThan(4);
  });

  test('of nothing is refused', async () => {
    expect(await importOf(Buffer.alloc(0))).toMatchObject({ ok: false, failure: { reason: 'DiskNotQcow2' } });
    expect(await importOf(disk, { inputIsTerminal: true })).toMatchObject({
      ok: false,
      failure: { reason: 'NoInput' },
    });
  });

  test('shows its bytes on the machine while it comes in', async () => {
    const gate = Promise.withResolvers<void>();
    const slow = (async function* () {
      yield disk.subarray(0, 3 * 1024 * 1024);
      await gate.promise;
      yield disk.subarray(3 * 1024 * 1024);
    })();
    const running = importOf(disk, { input: slow });
    await until(() => (bench.report.current.progress?.doneBytes ?? 0) > 0);
    expect(bench.report.current.progress).toMatchObject({ step: 'Importing' });
    expect(await importOf(disk)).toMatchObject({ ok: false, failure: { reason: 'ImportRunning' } });
    gate.resolve();
    expect(await running).toMatchObject({ ok: true });
  });

  test('that was interrupted leaves nothing in the way of the next', async () => {
    const broken = (async function* () {
      yield disk.subarray(0, 100_000);
      throw new Error('connection lost');
    })();
    expect(await importOf(disk, { input: broken })).toMatchObject({
      ok: false,
      failure: { reason: 'ImportInterrupted' },
    });
    expect(await importOf(disk)).toMatchObject({ ok: true });
  });

  test('that was killed is not shown as one that comes in, and keeps no room', async () => {
    const partial = `${bench.volume.staging}/import-6a1c1a52-6c1e-4f5e-9d5d-0a4b3a1f2c11.partial`;
    await writeFile(partial, disk.subarray(0, 100_000));
    await until(async () => (await volumeFiles.facts(partial)) === undefined);
    await until(() => bench.report.current.progress === undefined);
    expect(bench.report.current.phase).toBe('AwaitingDisk');
  });

  test('that could not be handed in takes no room', async () => {
    bench.stop.abort();
    await opening;
    const rename: VolumeFiles['rename'] = () => Promise.reject(new Error('EIO: i/o error, rename'));
    const { signal } = new AbortController();
    await expect(importOf(disk, { files: { ...volumeFiles, rename }, signal })).rejects.toThrow('EIO');
    expect((await volumeFiles.list(bench.volume.staging)).filter((name) => name.endsWith('.partial'))).toEqual([]);
    // Nor does it keep others from it.
    const again = importOf(disk, { signal });
    opening = openDisk(bench.options({ signal }));
    expect(await again).toMatchObject({ ok: true });
  });

  test('into a machine that has a disk is refused', async () => {
    await importOf(disk);
    expect(await importOf(disk)).toMatchObject({ ok: false, failure: { reason: 'DiskPresent' } });
  });
});

describe('an import where none is possible', () => {
  test.each([
    { mode: 'Ephemeral', source: 'Auto', hint: 'Persistent' },
    { mode: 'Hybrid', source: 'Auto', hint: 'Set disk.source to Import' },
    { mode: 'Persistent', source: 'Builtin', hint: 'Set disk.source to Import' },
  ] as const)('$mode with source $source says what to change', async ({ mode, source, hint }) => {
    await bench.plan({ mode, source });
    const result = await importOf(disk);
    expect(result).toMatchObject({ ok: false, failure: { reason: 'ImportNotPossible' } });
    if (!result.ok) expect(result.failure.message).toContain(hint);
  });
});

test('an import that was handed in before a crash is published by the next start', async () => {
  bench.stop.abort();
  await opening;
  const stop = new AbortController();
  const handed = importOf(disk, { signal: stop.signal });
  await until(async () => (await volumeFiles.facts(`${bench.volume.staging}/import.json`)) !== undefined);
  stop.abort();
  expect(await handed).toMatchObject({ ok: false, failure: { reason: 'ImportInterrupted' } });
  const opened = await openDisk(bench.options({ signal: new AbortController().signal }));
  expect(opened?.record.origin).toBe('Imported');
  await opened?.close();
});
