import { copyFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureDebianPackages } from '../debian-packages.ts';
import { refuseBrokenDisk } from './builtin-disk.ts';

let folder = '';
const file = (name: string) => path.join(folder, name);
const qemuImg = (...words: string[]) => execa('qemu-img', words);

/** A disk with 4 MiB of data in its middle. */
async function wholeDisk(name: string): Promise<string> {
  await qemuImg('create', '-q', '-f', 'qcow2', file(name), '1G');
  await execa('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 100M 4M', file(name)]);
  return file(name);
}

beforeAll(async () => {
  await ensureDebianPackages(['qemu-utils']);
  folder = await mkdtemp(path.join(tmpdir(), 'loco-builtin-'));
}, 120_000);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('a disk to build into an image', () => {
  test('passes when it is whole', async () => {
    await expect(refuseBrokenDisk(await wholeDisk('whole.qcow2'))).resolves.toBeUndefined();
  });

  test('passes at 127 GiB', async () => {
    await qemuImg('create', '-q', '-f', 'qcow2', file('largest.qcow2'), '127G');
    await expect(refuseBrokenDisk(file('largest.qcow2'))).resolves.toBeUndefined();
  });

  const refused: readonly { title: string; make: () => Promise<string>; says: RegExp }[] = [
    { title: 'a missing file', make: async () => file('nowhere.qcow2'), says: /nowhere\.qcow2.*no such file/i },
    { title: 'a folder', make: async () => folder, says: /not a regular file/ },
    {
      title: 'another format',
      make: async () => {
        await qemuImg('create', '-q', '-f', 'vmdk', file('disk.vmdk'), '1G');
        return file('disk.vmdk');
      },
      says: /qemu-img convert -O qcow2/,
    },
    {
      title: 'a text',
      make: async () => {
        await writeFile(file('text.qcow2'), 'not a disk');
        return file('text.qcow2');
      },
      says: /not a qcow2 image/,
    },
    {
      title: 'a backing file',
      make: async () => {
        const base = await wholeDisk('base.qcow2');
        await qemuImg('create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', file('overlay.qcow2'));
        return file('overlay.qcow2');
      },
      says: /backing file/,
    },
    {
      title: 'an external data file',
      make: async () => {
        const options = `data_file=${file('data.raw')}`;
        await qemuImg('create', '-q', '-f', 'qcow2', '-o', options, file('external.qcow2'), '16M');
        return file('external.qcow2');
      },
      says: /keeps its data in another file/,
    },
    {
      title: 'more than 127 GiB',
      make: async () => {
        await qemuImg('create', '-q', '-f', 'qcow2', file('large.qcow2'), '128G');
        return file('large.qcow2');
      },
      says: /127 GiB/,
    },
    {
      title: 'a file cut in the middle',
      make: async () => {
        await copyFile(await wholeDisk('before.qcow2'), file('cut.qcow2'));
        await truncate(file('cut.qcow2'), 2 * 1024 * 1024);
        return file('cut.qcow2');
      },
      says: /was cut/,
    },
    {
      title: 'damaged tables',
      make: async () => {
        const disk = await wholeDisk('damaged.qcow2');
        // The second cluster holds the table that counts references.
        await execa('qemu-io', ['-f', 'raw', '-c', 'write -P 0 64k 64k', disk]);
        return disk;
      },
      says: /damage|makes no sense/,
    },
  ];

  test.each(refused)('is refused: $title', async ({ make, says }) => {
    await expect(refuseBrokenDisk(await make())).rejects.toThrow(says);
  });
});
