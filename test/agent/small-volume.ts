import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';

const MEBIBYTE = 1024 ** 2;

/** Loop devices and mounts are root's alone. */
export const mayMount = process.getuid?.() === 0;

/** An ext4 file system of its own, mounted from a file: as small as one likes, and really full when it is full. */
export interface SmallVolume {
  readonly root: string;
  /** The file below the loop device. */
  readonly device: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @param folder where the file below the device lies; a folder of its own unless given */
export async function mountSmallVolume(sizeMiB: number, folder?: string): Promise<SmallVolume> {
  const own = await mkdtemp(path.join(tmpdir(), 'loco-volume-'));
  const device = path.join(folder ?? own, 'volume.ext4');
  const root = path.join(own, 'images');
  await writeFile(device, '');
  await truncate(device, sizeMiB * MEBIBYTE);
  await execa('mkfs.ext4', ['-q', '-m', '0', '-O', '^resize_inode', '-E', 'lazy_itable_init=0', device]);
  await mkdir(root);
  await execa('mount', ['-o', 'loop', device, root]);
  await mkdir(path.join(root, '.loco'));
  return {
    root,
    device,
    [Symbol.asyncDispose]: async () => {
      await execa('umount', ['--lazy', root]);
      await rm(own, { recursive: true });
    },
  };
}
