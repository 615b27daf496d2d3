import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { withProgress } from '../../scripts/console.ts';
import { ensureDebianPackages } from '../../scripts/debian-packages.ts';
import { cacheFolder } from '../../scripts/folders.ts';
import { buildGuestDisk } from './build.ts';
import { unpackGuestPackages } from './packages.ts';

export { readGuestState } from './state.ts';

const sources = import.meta.dirname;
const guestFolder = path.join(cacheFolder, 'guest');

/** The files here that the disk is made of or by. */
const INPUTS = ['build.ts', 'graphics.c', 'init', 'modules.ts', 'packages.ts'] as const;

const BUILD_PACKAGES = [
  'cpio',
  'dosfstools',
  'fdisk',
  'gcc',
  'mtools',
  'qemu-utils',
  'syslinux',
  'syslinux-common',
] as const;

/** A hash over everything that the guest is built from, this machine's packages aside. */
async function contentHash(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of INPUTS) {
    hash.update(`${name}\0`).update(await readFile(path.join(sources, name)));
  }
  return hash.digest('hex').slice(0, 16);
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined;
}

/** Lets `build` make a file in a folder of its own and moves it into place whole; another process may win the race. */
async function buildOnce(finished: string, build: (scratch: string) => Promise<string>): Promise<string> {
  if (await exists(finished)) {
    return finished;
  }
  await mkdir(path.dirname(finished), { recursive: true });
  const scratch = await mkdtemp(path.join(guestFolder, 'building-'));
  try {
    const built = await build(scratch);
    if (!(await exists(finished))) {
      await rename(built, finished);
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return finished;
}

/** The unpacked packages are kept, so that a changed guest is built again without a network. */
async function keptPackages(): Promise<string> {
  return await buildOnce(path.join(guestFolder, 'packages', 'root'), unpackGuestPackages);
}

/**
 * The test guest's disk: built when it isn't in the cache folder.
 * @returns the path of `win98-test.qcow2`; it is shared, so copy it or boot it from an overlay.
 */
export async function ensureTestGuest(): Promise<string> {
  const finished = path.join(guestFolder, await contentHash(), 'win98-test.qcow2');
  return await buildOnce(finished, async (scratch) => {
    await ensureDebianPackages(BUILD_PACKAGES);
    const root = await keptPackages();
    return await withProgress('Building the test guest', buildGuestDisk({ sources, root, scratch }));
  });
}

/**
 * A disk that nothing can boot from: empty, without a boot sector.
 * @returns the path of `blank.qcow2`; it is shared like the test guest.
 */
export async function ensureBlankDisk(): Promise<string> {
  return await buildOnce(path.join(guestFolder, 'blank', 'blank.qcow2'), async (scratch) => {
    await ensureDebianPackages(['qemu-utils']);
    const file = path.join(scratch, 'blank.qcow2');
    await execa('qemu-img', ['create', '-q', '-f', 'qcow2', file, '64M']);
    return file;
  });
}
