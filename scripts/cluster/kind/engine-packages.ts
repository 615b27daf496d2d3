import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { UserError, withProgress } from '../../console.ts';
import { cacheFolder } from '../../folders.ts';

/** The engine, what it starts, and the one library that not every Debian has. */
const PACKAGES = ['docker.io', 'containerd', 'runc', 'tini', 'libdevmapper1.02.1'] as const;

/** Paths of the engine's programs, none of which is installed. */
export interface EnginePrograms {
  readonly dockerd: string;
  /** The client, which kind calls. */
  readonly docker: string;
  /** Debian's, which the engine of this age works with. */
  readonly runc: string;
  /** A folder for LD_LIBRARY_PATH. */
  readonly libraries: string;
}

async function apt(program: string, args: readonly string[], folder: string): Promise<string> {
  const result = await execa(program, args, { cwd: folder, env: { LC_ALL: 'C' }, reject: false, all: true });
  if (result.exitCode !== 0) {
    throw new UserError(
      `${program} ${args.join(' ')} failed. --install-engine takes a docker engine from the distribution's packages; where it has none, install one and start it.\n${result.all?.slice(-1500)}`,
    );
  }
  return result.stdout;
}

async function unpack(target: string): Promise<void> {
  const parent = join(target, '..');
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, 'packages-'));
  try {
    await apt('apt-get', ['download', '-q', ...PACKAGES], folder);
    const root = join(folder, 'root');
    for (const name of (await readdir(folder)).filter((file) => file.endsWith('.deb'))) {
      await execa('dpkg-deb', ['-x', join(folder, name), root]);
    }
    await rename(root, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The versions that `apt-cache policy` offers; undefined where it doesn't know every package. */
export function candidatesOf(policy: string, count: number): readonly string[] | undefined {
  const versions = [...policy.matchAll(/^ {2}Candidate: (\S+)$/gm)].map((match) => match[1] ?? '');
  return versions.length === count && !versions.includes('(none)') ? versions : undefined;
}

async function askCandidates(): Promise<readonly string[] | undefined> {
  return candidatesOf(await apt('apt-cache', ['policy', ...PACKAGES], '/'), PACKAGES.length);
}

/** The versions that there are to download, asking the archive where apt has no lists yet. */
async function candidates(): Promise<readonly string[]> {
  const known = await askCandidates();
  if (known !== undefined) return known;
  await apt('apt-get', ['update', '-q'], '/');
  return (await askCandidates()) ?? [];
}

/**
 * The distribution's docker engine in a folder of the cache: downloaded and unpacked, not installed, so that no service
 * is set up and nothing of the machine's own is touched. A newer version gets a folder of its own.
 * @throws UserError where apt has no such packages
 */
export async function ensureEnginePackages(): Promise<EnginePrograms> {
  const versions = (await candidates()).join(' ');
  const root = join(cacheFolder, 'engine', createHash('sha256').update(versions).digest('hex').slice(0, 16));
  if (!existsSync(root)) {
    await withProgress("Unpacking the distribution's docker engine (65 MB, once)", unpack(root));
  }
  const [triplet = ''] = await readdir(join(root, 'lib'));
  return {
    dockerd: join(root, 'usr/sbin/dockerd'),
    docker: join(root, 'usr/bin/docker'),
    runc: join(root, 'usr/sbin/runc'),
    libraries: join(root, 'lib', triplet),
  };
}
