import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { affordableReserve, ensureReserve, releaseReserve, reserveBytes } from './reserve.ts';
import { type Volume, volumeOf } from './volume.ts';
import { type VolumeFiles, volumeFiles } from './volume-files.ts';

const MEBIBYTE = 1024 ** 2;

describe('the size of a reserve', () => {
  test.each([
    { totalMiB: 16, reserveMiB: 4 },
    { totalMiB: 256, reserveMiB: 4 },
    { totalMiB: 1000, reserveMiB: 15 },
    { totalMiB: 2048, reserveMiB: 32 },
    { totalMiB: 131_072, reserveMiB: 32 },
  ])('of a volume of $totalMiB MiB is $reserveMiB MiB', ({ totalMiB, reserveMiB }) => {
    expect(reserveBytes(totalMiB * MEBIBYTE)).toBe(reserveMiB * MEBIBYTE);
  });

  const bytes = fc.integer({ min: 0, max: 200 * 1024 * MEBIBYTE });

  test('whatever is free, never shrinks, and leaves the guest its room', () => {
    fc.assert(
      fc.property(bytes, bytes, fc.integer({ min: 0, max: 32 * MEBIBYTE }), (totalBytes, freeBytes, held) => {
        const wanted = affordableReserve(held, { totalBytes, freeBytes });
        expect(wanted).toBeGreaterThanOrEqual(held);
        expect(wanted).toBeLessThanOrEqual(Math.max(held, reserveBytes(totalBytes)));
        if (wanted > held) expect(freeBytes - (wanted - held)).toBeGreaterThanOrEqual(8 * MEBIBYTE);
      }),
    );
  });
});

describe('a reserve on a volume', () => {
  let root: string;
  let volume: Volume;

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'loco-reserve-'));
    volume = volumeOf(path.join(root, 'win98.qcow2'));
    await volumeFiles.makeFolder(volume.folder);
  });

  afterEach(() => rm(root, { recursive: true }));

  test('takes real room, is kept, and is given back as often as one likes', async () => {
    const made = await ensureReserve(volumeFiles, volume);
    expect(made.kind).toBe('Made');
    const { size, blocks } = await stat(volume.reserve);
    expect(made).toMatchObject({ sizeBytes: size });
    expect(blocks * 512).toBeGreaterThanOrEqual(size);
    expect(await ensureReserve(volumeFiles, volume)).toEqual({ kind: 'Kept', sizeBytes: size });
    await releaseReserve(volumeFiles, volume);
    await releaseReserve(volumeFiles, volume);
    expect(await volumeFiles.facts(volume.reserve)).toBeUndefined();
  });

  test('that was cut is filled up again with bytes that do not compress', async () => {
    await writeFile(volume.reserve, Buffer.alloc(3));
    expect((await ensureReserve(volumeFiles, volume)).kind).toBe('Made');
    const small = path.join(root, 'sample');
    await volumeFiles.fill(small, 0, 100_000);
    expect(gzipSync(await readFile(small)).length).toBeGreaterThan(99_000);
  });

  test('that can not be written whole is given up, and stops nobody', async () => {
    const full: VolumeFiles['fill'] = async (name, from, to) => {
      if (name === volume.recordReserve) return volumeFiles.fill(name, from, to);
      await writeFile(name, 'half');
      throw new Error('ENOSPC: no space left on device, write');
    };
    expect(await ensureReserve({ ...volumeFiles, fill: full }, volume)).toEqual({
      kind: 'NoRoom',
      message: 'ENOSPC: no space left on device, write',
    });
    expect(await volumeFiles.facts(volume.reserve)).toBeUndefined();
    const broken: VolumeFiles['remove'] = () => Promise.reject(new Error('EROFS'));
    expect(await ensureReserve({ ...volumeFiles, fill: full, remove: broken }, volume)).toMatchObject({
      kind: 'NoRoom',
    });
  });

  test('is kept where there is no room for the one of the record', async () => {
    await ensureReserve(volumeFiles, volume);
    await rm(volume.recordReserve);
    const full: VolumeFiles['fill'] = () => Promise.reject(new Error('ENOSPC: no space left on device, write'));
    expect(await ensureReserve({ ...volumeFiles, fill: full }, volume)).toMatchObject({ kind: 'NoRoom' });
    expect(await volumeFiles.facts(volume.reserve)).toBeDefined();
  });
});
