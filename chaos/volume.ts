import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { UserError } from '../scripts/console.ts';
import { ensureDebianPackages } from '../scripts/debian-packages.ts';

/** A file system of our own. */
export interface MountedVolume {
  readonly folder: string;
  close(): Promise<void>;
}

/**
 * Mounts a small file system in memory, on which hundreds of volumes can be made and looked at quickly. For what isn't
 * about a real file system.
 */
export async function mountMemory(mebibytes: number): Promise<MountedVolume> {
  const folder = await mkdtemp(path.join(tmpdir(), 'loco-chaos-'));
  await mountOrExplain(['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'loco-chaos', folder]);
  return { folder, close: () => unmount(folder) };
}

/** Makes an ext4 file system in a file and mounts it at `folder`. */
export async function mountNewExt4(image: string, folder: string, mebibytes: number, options: string): Promise<void> {
  await ensureDebianPackages(['e2fsprogs']);
  await writeFile(image, '');
  await truncate(image, mebibytes * 1024 ** 2);
  await execa('mkfs.ext4', ['-q', '-F', '-m', '0', image]);
  await mountImage(image, folder, options);
}

export async function mountImage(image: string, folder: string, options: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await mountOrExplain(['-o', `loop,${options}`, image, folder]);
}

/** A real ext4 of its own for everything that is made below `folder`. */
export async function mountExt4(mebibytes: number): Promise<MountedVolume> {
  const above = await mkdtemp(path.join(tmpdir(), 'loco-chaos-'));
  const folder = path.join(above, 'volume');
  await mountNewExt4(path.join(above, 'image'), folder, mebibytes, 'defaults');
  return {
    folder,
    close: async () => {
      await execa('umount', [folder]);
      await rm(above, { recursive: true, force: true });
    },
  };
}

async function unmount(folder: string): Promise<void> {
  await execa('umount', [folder]);
  await rm(folder, { recursive: true, force: true });
}

async function mountOrExplain(args: readonly string[]): Promise<void> {
  const mount = await execa('mount', args, { reject: false });
  if (mount.exitCode !== 0) {
    throw new UserError(`a file system must be mounted for this, which needs root and loop devices: ${mount.stderr}`);
  }
}

/** Does `work` while temporary files, and so every workbench, are made on a volume; closes it in the end. */
export async function onVolume<T>(volume: MountedVolume, work: () => Promise<T>): Promise<T> {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = volume.folder;
  try {
    return await work();
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    await volume.close();
  }
}
