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
  /** Has the file system find an error in itself. */
  fail(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface SmallVolumeOptions {
  /** Where the file below the device lies; a folder of its own unless given. */
  readonly folder?: string;
  /** Mount options besides `loop`. */
  readonly options?: string;
  readonly journal?: boolean;
}

export async function mountSmallVolume(
  sizeMiB: number,
  { folder, options = 'rw', journal = true }: SmallVolumeOptions = {},
): Promise<SmallVolume> {
  const own = await mkdtemp(path.join(tmpdir(), 'loco-volume-'));
  const device = path.join(folder ?? own, 'volume.ext4');
  const root = path.join(own, 'images');
  await writeFile(device, '');
  await truncate(device, sizeMiB * MEBIBYTE);
  await execa('mkfs.ext4', ['-q', '-m', '0', ...(journal ? [] : ['-O', '^has_journal']), device]);
  await mkdir(root);
  await execa('mount', ['-o', `loop,${options}`, device, root]);
  await mkdir(path.join(root, '.loco'));
  return {
    root,
    fail: async () => {
      const { stdout } = await execa('findmnt', ['-n', '-o', 'SOURCE', root]);
      await writeFile(`/sys/fs/ext4/${path.basename(stdout.trim())}/trigger_fs_error`, '1');
    },
    [Symbol.asyncDispose]: async () => {
      await execa('umount', ['--lazy', root]);
      await rm(own, { recursive: true });
    },
  };
}
