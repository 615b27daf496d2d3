import { open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inspectDisk, readWholeHeader } from '../../src/agent/disk/inspect.ts';
import { requiredBytes } from '../../src/agent/disk/qcow2-extent.ts';
import { checkDisk, classify } from '../../src/agent/disk/qemu-img.ts';
import { CHUNK_BYTES } from '../../src/oci/disk-artifact.ts';
import { planQcow2 } from '../../src/oci/qcow2-writer.ts';
import { DiskWorkbench, makeDisk, noise } from './disk-workbench.ts';

let bench: DiskWorkbench;
let disk: string;

beforeAll(async () => {
  bench = await DiskWorkbench.create();
  disk = path.join(bench.root, 'disk.qcow2');
});

afterAll(() => bench[Symbol.asyncDispose]());

async function requiredOf(file: string): Promise<number> {
  const header = await readWholeHeader(file);
  if (!header.ok) throw new Error(header.failure.message);
  await using handle = await open(file, 'r');
  const required = await requiredBytes(handle, header.value);
  if (!required.ok) throw new Error(required.failure.message);
  return required.value;
}

const FORMS = [
  { name: 'as qemu-img converts by default', options: [] },
  { name: 'in version 2', options: ['-o', 'compat=0.10'] },
  { name: 'with compressed clusters', options: ['-c'] },
  { name: 'with zstd clusters', options: ['-c', '-o', 'compression_type=zstd'] },
  { name: 'with clusters of 512 bytes', options: ['-o', 'cluster_size=512'] },
  { name: 'with clusters of 2 MiB', options: ['-o', 'cluster_size=2M'] },
  { name: 'with extended L2 entries', options: ['-o', 'extended_l2=on'] },
  { name: 'with all its tables made beforehand', options: ['-o', 'preallocation=metadata'] },
] as const;

describe.each(FORMS)('a disk $name', ({ options }) => {
  test('is whole, and refused when it is cut by 512 bytes, which qemu-img may call sound', async () => {
    await makeDisk(disk, 4, options);
    expect(await inspectDisk('qemu-img', disk)).toMatchObject({ ok: true });
    const { size } = await stat(disk);
    const required = await requiredOf(disk);
    expect(required).toBeLessThanOrEqual(size);
    await truncate(disk, Math.min(size, required) - 512);
    expect(await inspectDisk('qemu-img', disk)).toMatchObject({ ok: false, failure: { reason: 'DiskTruncated' } });
  });
});

describe('a disk of an odd size is whole', () => {
  test.each(['', 'compressed'])('%s', async (form) => {
    const raw = path.join(bench.root, 'odd.raw');
    await using handle = await open(raw, 'w');
    await handle.write(noise(1, 3_000_320));
    await execa('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', ...(form === '' ? [] : ['-c']), raw, disk]);
    expect(await inspectDisk('qemu-img', disk)).toMatchObject({ ok: true });
  });
});

test('an empty disk ends with its L1 table, in the middle of a cluster, and is whole', async () => {
  await execa('qemu-img', ['create', '-q', '-f', 'qcow2', disk, '1G']);
  const { size } = await stat(disk);
  expect(size % 65_536).not.toBe(0);
  expect(await inspectDisk('qemu-img', disk)).toMatchObject({ ok: true });
  await truncate(disk, size - 8);
  expect(await inspectDisk('qemu-img', disk)).toMatchObject({ ok: false, failure: { reason: 'DiskTruncated' } });
});

test('internal snapshots count', async () => {
  await makeDisk(disk, 4);
  await execa('qemu-img', ['snapshot', '-c', 'one', disk]);
  expect(await inspectDisk('qemu-img', disk)).toMatchObject({ ok: true });
  await truncate(disk, (await requiredOf(disk)) - 1);
  expect(await inspectDisk('qemu-img', disk)).toMatchObject({ ok: false });
});

test("a disk that is backed by the host's password file is refused, though qemu-img finds no errors", async () => {
  await rm(disk, { force: true });
  await execa('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', '/etc/passwd', '-F', 'raw', disk, '1M']);
  expect(await checkDisk('qemu-img', disk)).toEqual({ ok: true, value: { kind: 'Ok' } });
  expect(await inspectDisk('qemu-img', disk)).toMatchObject({ ok: false, failure: { reason: 'DiskHasBackingFile' } });
});

test('a disk with an external data file is refused', async () => {
  await rm(disk, { force: true });
  const data = path.join(bench.root, 'data.raw');
  await execa('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', `data_file=${data}`, disk, '1M']);
  expect(await inspectDisk('qemu-img', disk)).toMatchObject({ ok: false, failure: { reason: 'DiskHasExternalData' } });
});

test('what can not be read or is no file is refused', async () => {
  expect(await inspectDisk('qemu-img', '/nowhere')).toMatchObject({ ok: false, failure: { reason: 'DiskUnreadable' } });
  expect(await inspectDisk('qemu-img', bench.root)).toMatchObject({ ok: false, failure: { reason: 'DiskNotAFile' } });
});

test("qemu-img's answers are told apart", () => {
  const json = (fields: object) => JSON.stringify(fields);
  const ended = (exitCode: number | undefined, stdout = '{}') => classify({ exitCode, stdout, stderr: 'why' });
  expect(ended(0)).toEqual({ ok: true, value: { kind: 'Ok' } });
  expect(ended(3, json({ leaks: 2 }))).toEqual({ ok: true, value: { kind: 'Leaks', clusters: 2 } });
  expect(ended(2, json({ corruptions: 1, leaks: 5 }))).toMatchObject({ ok: true, value: { kind: 'Corrupt' } });
  const unread = json({ 'check-errors': 1, corruptions: 1 });
  for (const end of [ended(1), ended(undefined), ended(0, 'nonsense'), ended(0, unread), ended(2, unread)]) {
    expect(end).toMatchObject({ ok: false, failure: { reason: 'DiskCheckFailed' } });
  }
});

describe('our own qcow2 files', () => {
  test.each([
    { name: 'of a disk without content', virtualBytes: 1024 ** 3, chunks: [] },
    {
      name: 'that end in the middle of a chunk and of a cluster',
      virtualBytes: 2 * CHUNK_BYTES + 70_144,
      chunks: [0, 2],
    },
    { name: 'with a gap over several tables', virtualBytes: 3 * 1024 ** 3, chunks: [1, 40, 191] },
    { name: 'of the largest disk', virtualBytes: 127 * 1024 ** 3, chunks: [8127] },
  ])('$name are sound and hold what they should', async ({ virtualBytes, chunks }) => {
    const plan = planQcow2(virtualBytes, chunks);
    const raw = path.join(bench.root, 'ours.raw');
    await rm(raw, { force: true });
    await using image = await open(disk, 'w');
    await using guest = await open(raw, 'w');
    await image.write(plan.metadata, 0, plan.metadata.length, 0);
    let offset = plan.metadata.length;
    for (const place of plan.places) {
      const bytes = noise(place.chunk, 1000);
      await image.write(bytes, 0, bytes.length, offset);
      await guest.write(bytes, 0, bytes.length, place.chunk * CHUNK_BYTES);
      offset += place.fileBytes;
    }
    await image.truncate(offset);
    await guest.truncate(virtualBytes);
    expect(offset).toBe(plan.fileBytes);
    expect(await inspectDisk('qemu-img', disk)).toMatchObject({ ok: true, value: { virtualBytes } });
    await execa('qemu-img', ['compare', '-f', 'qcow2', '-F', 'raw', disk, raw]);
  });
});

test('an image with any of its bytes changed is judged or refused, and never costs more than a look', async () => {
  await makeDisk(disk, 4);
  const sound = await readFile(disk);
  const l1 = Number(sound.readBigUInt64BE(40));
  const l2 = Number(sound.readBigUInt64BE(l1) & 0x00fffffffffffe00n);
  const starts = fc.constantFrom(0, l1, l2, Number(sound.readBigUInt64BE(48)));
  const change = fc.tuple(starts, fc.nat({ max: 120 }), fc.oneof(fc.nat({ max: 255 }), fc.constant(0xff)));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), async (changes) => {
      const bytes = Buffer.from(sound);
      for (const [start, offset, value] of changes) bytes[start + offset] = value;
      await writeFile(disk, bytes);
      const started = performance.now();
      const read = await readWholeHeader(disk);
      if (!read.ok) expect(read.failure.reason).toMatch(/^Disk[A-Z]/);
      expect(performance.now() - started).toBeLessThan(5000);
    }),
    { numRuns: 60 },
  );
});
