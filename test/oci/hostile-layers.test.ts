import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ContentError, type OciResult } from '../../src/oci/failure.ts';
import { takeImageDisk } from '../../src/oci/image-disk.ts';
import { readLayer } from '../../src/oci/layer-tar.ts';
import { blobFile } from '../../src/oci/layout.ts';
import type { Descriptor } from '../../src/oci/manifest.ts';
import { type Entry, tarOf } from './fixtures.ts';

let layout: string;

beforeAll(async () => {
  layout = await mkdtemp(path.join(tmpdir(), 'loco-layers-'));
  await mkdir(path.dirname(blobFile(layout, 'sha256:x')), { recursive: true });
});

afterAll(() => rm(layout, { recursive: true, force: true }));

async function layerOf(bytes: Buffer): Promise<Descriptor> {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  await writeFile(blobFile(layout, digest), bytes);
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size: bytes.length };
}

/** What is taken out of an image with these layers. */
async function taken(
  layers: readonly Buffer[],
  wanted?: string,
): Promise<OciResult<string> & { bytes?: Buffer; times: number }> {
  let bytes: Buffer | undefined;
  let times = 0;
  const manifest = {
    schemaVersion: 2 as const,
    config: { mediaType: '', digest: '', size: 0 },
    layers: await Promise.all(layers.map(layerOf)),
  };
  const found = await takeImageDisk(layout, manifest, wanted, async (content) => {
    times += 1;
    const pieces: Buffer[] = [];
    for await (const piece of content) pieces.push(piece);
    bytes = Buffer.concat(pieces);
  });
  return { ...found, ...(bytes === undefined ? {} : { bytes }), times };
}

async function refusal(layers: readonly Buffer[]): Promise<string> {
  const error = await taken(layers).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ContentError)) throw new Error(`not refused: ${error}`);
  expect(error.blob).toBeUndefined();
  return error.failure.message;
}

const disk: Entry = { name: 'snapshot.qcow2', content: 'the disk' };

describe('a layer that wants out of its image', () => {
  test.each([
    ['a name with ..', { name: '../snapshot.qcow2', content: 'x' }],
    ['a name with .. in its middle', { name: 'a/../../b', content: 'x' }],
    ['a hard link out of it', { name: 'snapshot.qcow2', link: '../../etc/passwd' }],
    ['a name with .. in its extended header', { name: 'x', content: 'x', pax: { path: '../../x' } }],
  ] as const)('by %s is not used', async (_name, entry) => {
    expect(await refusal([await tarOf([entry])])).toContain('leads out of it');
  });

  test('by an absolute name stays inside', async () => {
    expect(await taken([await tarOf([{ name: '//snapshot.qcow2', content: 'inside' }])])).toMatchObject({
      ok: true,
      value: '/snapshot.qcow2',
      bytes: Buffer.from('inside'),
    });
  });
});

describe('a disk behind a symbolic link', () => {
  test.each([
    [
      'beside it',
      [
        { name: 'snapshot.qcow2', symlink: 'the.qcow2' },
        { name: 'the.qcow2', content: 'linked' },
      ],
    ],
    [
      'from the root',
      [
        { name: 'snapshot.qcow2', symlink: '/a/b' },
        { name: 'a/b', content: 'linked' },
      ],
    ],
    [
      'through a folder',
      [
        { name: 'snapshot.qcow2', symlink: 'now/b' },
        { name: 'now', symlink: 'a' },
        { name: 'a/b', content: 'linked' },
      ],
    ],
    [
      'with more dots than there are folders',
      [
        { name: 'disk/x.qcow2', symlink: '../../../a/b' },
        { name: 'a/b', content: 'linked' },
      ],
    ],
    [
      'after another',
      [
        { name: 'snapshot.qcow2', symlink: 'one' },
        { name: 'one', symlink: 'two' },
        { name: 'two', content: 'linked' },
      ],
    ],
  ] as const)('%s is followed within the image', async (_name, entries) => {
    expect(await taken([await tarOf(entries)])).toMatchObject({ ok: true, bytes: Buffer.from('linked') });
    // Wherever it lies: in a lower layer, or in one above.
    const [link, ...others] = entries;
    expect(await taken([await tarOf(others), await tarOf([link])])).toMatchObject({ bytes: Buffer.from('linked') });
    expect(await taken([await tarOf([link]), await tarOf(others)])).toMatchObject({ bytes: Buffer.from('linked') });
  });

  test.each([
    ['to itself', [{ name: 'snapshot.qcow2', symlink: 'snapshot.qcow2' }]],
    [
      'in a circle',
      [
        { name: 'snapshot.qcow2', symlink: 'a' },
        { name: 'a', symlink: 'snapshot.qcow2' },
      ],
    ],
    ['to nothing', [{ name: 'snapshot.qcow2', symlink: '/mnt/win98.qcow2' }]],
    ['out of the image', [{ name: 'snapshot.qcow2', symlink: '../../../../etc/passwd' }]],
  ] as const)('%s is no disk, and the message names the link', async (_name, entries) => {
    expect(await taken([await tarOf(entries)])).toMatchObject({
      ok: false,
      failure: { reason: 'NoDiskInSnapshot', message: expect.stringContaining('is a link to') },
    });
  });

  test('and the file that it names are one disk, not two', async () => {
    const entries: Entry[] = [
      { name: 'snapshot.qcow2', symlink: 'disk/base.qcow2' },
      { name: 'disk/base.qcow2', content: 'one' },
    ];
    expect(await taken([await tarOf(entries)])).toMatchObject({ ok: true, bytes: Buffer.from('one') });
  });
});

describe('what was passed already', () => {
  test('is not read a second time', async () => {
    expect(await taken([await tarOf([{ name: 'etc/x', content: 'x' }]), await tarOf([disk])])).toMatchObject({
      times: 1,
    });
  });

  test('and is replaced by a higher layer is not the disk', async () => {
    const found = await taken([await tarOf([disk]), await tarOf([{ name: 'snapshot.qcow2', content: 'newer' }])]);
    expect(found).toMatchObject({ ok: true, bytes: Buffer.from('newer') });
  });

  test('and is hidden by a higher layer is not the disk', async () => {
    const above = await tarOf([
      { name: '.wh.snapshot.qcow2', content: '' },
      { name: 'disk/a.qcow2', link: 'kept' },
    ]);
    const below = await tarOf([{ name: 'kept', content: 'kept' }, disk]);
    expect(await taken([below, above])).toMatchObject({ ok: true, value: '/disk/a.qcow2', bytes: Buffer.from('kept') });
  });

  test('and comes twice in one archive counts as its last', async () => {
    const found = await taken([await tarOf([disk, { name: 'snapshot.qcow2', content: 'again' }])]);
    expect(found).toMatchObject({ ok: true, bytes: Buffer.from('again') });
  });
});

describe('sparse entries of the real tar', () => {
  test.each(['gnu', 'pax'])('in the format %s are refused by name', async (format) => {
    const folder = await mkdtemp(path.join(layout, 'sparse-'));
    await execa('truncate', ['-s', '1M', path.join(folder, 'snapshot.qcow2')]);
    await execa('dd', [
      'if=/dev/urandom',
      `of=${folder}/snapshot.qcow2`,
      'bs=4096',
      'seek=20',
      'count=1',
      'conv=notrunc',
    ]);
    const archive = await buffer(
      execa('tar', ['--sparse', `--format=${format}`, '-cf', '-', '-C', folder, 'snapshot.qcow2'], {
        encoding: 'buffer',
        buffer: false,
      }).stdout,
    );
    expect(await taken([archive])).toMatchObject({
      ok: false,
      failure: {
        reason: 'SnapshotInvalid',
        message: expect.stringContaining('/snapshot.qcow2 in the image is a sparse entry'),
      },
      times: 0,
    });
  });
});

describe('archives that are none', () => {
  test.each([
    ['zeros that never end', gzipSync(Buffer.alloc(8 * 1024 ** 2))],
    ['zstd of zeros', zstdCompressSync(Buffer.alloc(8 * 1024 ** 2))],
  ])('%s are unpacked up to the limit', async (_name, bytes) => {
    const layer = await layerOf(bytes);
    const read = async () => {
      for await (const entry of readLayer(layout, layer, 1024 ** 2)) expect(entry).toBeUndefined();
    };
    await expect(read()).rejects.toThrow('unpacks to more than');
  });

  test.each([
    ['noise', Buffer.alloc(5000, 0xa7)],
    ['a gzip that ends early', gzipSync(Buffer.alloc(100_000, 'x')).subarray(0, 60)],
    ['a zstd that ends early', zstdCompressSync(Buffer.alloc(100_000, 'x')).subarray(0, 15)],
    ['a gzip of noise', gzipSync(Buffer.alloc(5000, 0xa7))],
  ])('%s are refused', async (_name, bytes) => {
    expect(await refusal([bytes])).toContain('is not a whole tar archive');
  });

  test.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const)('a %s with something behind it is read to its end', async (_name, compress) => {
    const packed = compress(await tarOf([disk]));
    for (const behind of [Buffer.alloc(3_000_000), Buffer.alloc(3_000_000, 0xa7)]) {
      const found = await taken([Buffer.concat([packed, behind])]).catch((error: unknown) => error);
      if (found instanceof ContentError) expect(found.failure.reason).toBe('SnapshotInvalid');
      else expect(found).toMatchObject({ ok: true, bytes: Buffer.from('the disk') });
    }
  });

  test('nothing at all is no archive', async () => {
    expect(await taken([Buffer.alloc(0)])).toMatchObject({ ok: false, failure: { reason: 'NoDiskInSnapshot' } });
  });

  test('a file that says it is larger than the archive is refused', async () => {
    const whole = await tarOf([{ name: 'snapshot.qcow2', content: Buffer.alloc(100_000, 1) }]);
    expect(await refusal([whole.subarray(0, 50_000)])).toContain('is not a whole tar archive');
  });

  test('a size below zero or without end is refused', async () => {
    const whole = Buffer.from(await tarOf([disk]));
    // Base-256, all bits set: minus one.
    whole.fill(0xff, 124, 136);
    checksummed(whole);
    await expect(taken([whole])).rejects.toThrow(ContentError);
  });
});

/** Puts the right checksum into the first header of an archive. */
function checksummed(archive: Buffer): void {
  archive.write('        ', 148, 'latin1');
  const sum = archive.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}
